"""Test images that are copies: of training images, or of each other."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from securemnist.data import DataSet, Digits
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models.loading import Subject
from securemnist.results.findings import Finding, Requirement, Verdict
from tests.commands import run
from tests.data.small import write
from tests.policies import CLEAN, table

TEST = 300


def joined(*parts: Digits) -> Digits:
    """These digits, one behind the other."""
    return Digits(torch.cat([p.pixels for p in parts]), torch.cat([p.labels for p in parts]))


def with_copies(mnist: DataSet, of_training: int, repeated: int) -> DataSet:
    """300 test digits, of which so many are training digits and so many are repeated ones."""
    own = mnist.test[: TEST - of_training - repeated]
    test = joined(own, mnist.train[:of_training], mnist.test[:repeated])
    return dataclasses.replace(mnist, name="mine", train=mnist.train[:2_000], test=test, digests={})


def judged(baseline: Subject, data: DataSet, measure: str, **settings: object) -> Finding:
    """The finding of a row with this measure."""
    row = Requirement(id="R", measure=measure, because="of it", at_least=0.5, settings=settings)
    return row.judge(take_measurement(Context(baseline, data), measure, bind(measure, settings), 0))


@pytest.mark.parametrize(
    ("of_training", "repeated", "told"),
    [
        (0, 0, ""),
        (4, 0, "4 copies of training images among 300 test images"),
        (0, 4, "4 copies of other test images among 300 test images"),
        (
            3,
            4,
            "3 copies of training images and 4 copies of other test images among 300 test images",
        ),
    ],
)
def test_copies_are_counted(of_training: int, repeated: int, told: str, mnist: DataSet) -> None:
    """Copies are found pixel by pixel, wherever in the training and tuning digits they come from."""
    data = with_copies(mnist, of_training, repeated)
    assert str(data.copies) == told
    moved = dataclasses.replace(data, train=mnist.train[5_000:6_000], tuning=mnist.train[:2_000])
    assert str(moved.copies) == told


def test_the_bundled_data_has_none(mnist: DataSet) -> None:
    """MNIST holds no copy, and a tuning split that stands in for the test digits is not its own copy."""
    assert not str(mnist.copies)
    assert not str(dataclasses.replace(mnist, test=mnist.tuning).copies)


@pytest.mark.parametrize(
    ("of_training", "repeated", "verdict"),
    [(3, 0, Verdict.PASS), (4, 0, Verdict.INCONCLUSIVE), (0, 4, Verdict.INCONCLUSIVE)],
)
def test_a_share_of_copies_passes_nothing(
    of_training: int, repeated: int, verdict: Verdict, baseline: Subject, mnist: DataSet
) -> None:
    """Up to 1 % of copies are recorded, more make a passing number INCONCLUSIVE with their count."""
    data = with_copies(mnist, of_training, repeated)
    found = judged(baseline, data, "clean_accuracy")
    assert found.verdict is verdict
    assert found.measurement is not None
    assert found.measurement.evidence.copies.of_training == of_training
    assert (str(data.copies) in found.reason) is (verdict is Verdict.INCONCLUSIVE)


def test_a_proof_about_copies_passes_nothing(baseline: Subject, mnist: DataSet) -> None:
    """Certificates of training images are no statement about new ones."""
    copied = dataclasses.replace(mnist, test=mnist.train[:120], digests={})
    threat = {"norm": "linf", "eps": 0.001}
    found = judged(baseline, copied, "certified_accuracy", threat=threat)
    assert (found.verdict, found.proved) == (Verdict.INCONCLUSIVE, False)
    assert "120 copies of training images" in found.reason


def test_a_few_images_are_no_complete_set(baseline: Subject, mnist: DataSet) -> None:
    """The exact share of 99 images decides nothing about others: their interval does."""
    for n, complete in ((1, False), (99, False), (100, True)):
        few = dataclasses.replace(mnist, test=mnist.test[:n], digests={})
        assert Context(baseline, few).sample(None, 0).complete is complete
    one = dataclasses.replace(mnist, test=mnist.test[:1], digests={})
    assert judged(baseline, one, "clean_accuracy").verdict is Verdict.INCONCLUSIVE


def test_the_command_says_how_many(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    mnist: DataSet,
) -> None:
    """`assess` warns of copies before it measures, and ends undecided where they are many."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, mnist.train[:600], joined(mnist.train[:20], mnist.test[:380]))
    Path("own.toml").write_text(table(CLEAN, at_least="0.8"))
    done = run("assess", "--model", "baseline", "--policy", "own.toml", "--data", ".")
    assert done.exit_code == 3, done.output
    assert "warning: 20 copies of training images among 400 test images" in capfd.readouterr().err
    assert "INCONCLUSIVE" in done.output
