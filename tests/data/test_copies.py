"""Copies among test images: detection and effect on verdicts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from securemnist.data import DataSet, Samples
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models.loading import Subject
from securemnist.results.findings import Finding, Requirement, Verdict
from tests.commands import run
from tests.data.small import write
from tests.policies import CLEAN, table

TEST = 300


def concatenated(*parts: Samples) -> Samples:
    """These images, one set after the other."""
    return Samples(torch.cat([p.pixels for p in parts]), torch.cat([p.labels for p in parts]))


def with_copies(mnist: DataSet, of_training: int, repeated: int) -> DataSet:
    """300 test images with these numbers of training images and of repeated ones."""
    own = mnist.test[: TEST - of_training - repeated]
    test = concatenated(own, mnist.train[:of_training], mnist.test[:repeated])
    return dataclasses.replace(mnist, name="mine", train=mnist.train[:2_000], test=test, digests={})


def judged(baseline: Subject, data: DataSet, measure: str, **settings: object) -> Finding:
    """The finding of a row with this measure."""
    row = Requirement(id="R", measure=measure, because="of it", at_least=0.5, settings=settings)
    return row.judge(take_measurement(Context(baseline, data), measure, bind(measure, settings), 0))


@pytest.mark.parametrize(
    ("of_training", "repeated", "phrase"),
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
def test_copies_counted(of_training: int, repeated: int, phrase: str, mnist: DataSet) -> None:
    """Copies are found by equal pixels, in the training and tuning split and in the test split."""
    data = with_copies(mnist, of_training, repeated)
    assert str(data.copies) == phrase
    moved = dataclasses.replace(data, train=mnist.train[5_000:6_000], tuning=mnist.train[:2_000])
    assert str(moved.copies) == phrase


def test_mnist_has_no_copies(mnist: DataSet) -> None:
    """MNIST has no copy, and a tuning split used as the test split is not its own copy."""
    assert not str(mnist.copies)
    assert not str(dataclasses.replace(mnist, test=mnist.tuning).copies)


@pytest.mark.parametrize(
    ("of_training", "repeated", "verdict"),
    [(3, 0, Verdict.PASS), (4, 0, Verdict.INCONCLUSIVE), (0, 4, Verdict.INCONCLUSIVE)],
)
def test_many_copies_inconclusive(
    of_training: int, repeated: int, verdict: Verdict, baseline: Subject, mnist: DataSet
) -> None:
    """Up to 1 % of copies are recorded; more make a passing number INCONCLUSIVE, with their count."""
    data = with_copies(mnist, of_training, repeated)
    found = judged(baseline, data, "clean_accuracy")
    assert found.verdict is verdict
    assert found.measurement is not None
    assert found.measurement.evidence.copies.of_training == of_training
    assert (str(data.copies) in found.reason) is (verdict is Verdict.INCONCLUSIVE)


def test_certificates_of_copies_inconclusive(baseline: Subject, mnist: DataSet) -> None:
    """Certificates of training images are no statement about new images."""
    copied = dataclasses.replace(mnist, test=mnist.train[:120], digests={})
    threat = {"norm": "linf", "eps": 0.001}
    found = judged(baseline, copied, "certified_accuracy", threat=threat)
    assert (found.verdict, found.proved) == (Verdict.INCONCLUSIVE, False)
    assert "120 copies of training images" in found.reason


def test_small_test_set_judged_by_interval(baseline: Subject, mnist: DataSet) -> None:
    """A test set of 99 images is judged by its interval, not by its exact fraction."""
    for n, complete in ((1, False), (99, False), (100, True)):
        few = dataclasses.replace(mnist, test=mnist.test[:n], digests={})
        assert Context(baseline, few).sample(None, 0).complete is complete
    one = dataclasses.replace(mnist, test=mnist.test[:1], digests={})
    assert judged(baseline, one, "clean_accuracy").verdict is Verdict.INCONCLUSIVE


def test_assess_warns_of_copies(
    cwd: Path,
    capfd: pytest.CaptureFixture[str],
    mnist: DataSet,
) -> None:
    """`assess` warns of copies before it measures, and exits undecided if there are many."""
    write(cwd, mnist.train[:600], concatenated(mnist.train[:20], mnist.test[:380]))
    Path("own.toml").write_text(table(CLEAN, at_least="0.8"))
    done = run("assess", "--model", "baseline", "--policy", "own.toml", "--data", ".")
    assert done.exit_code == 3, done.output
    assert "warning: 20 copies of training images among 400 test images" in capfd.readouterr().err
    assert "INCONCLUSIVE" in done.output
