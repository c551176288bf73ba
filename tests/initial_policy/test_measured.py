"""What a first measurement says of the samples that a threshold is chosen on."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import pytest
import torch

from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.evaluation.context import Context
from securemnist.initial_policy import margins, measured, policy
from securemnist.initial_policy.chance import design_of
from securemnist.models.loading import from_model
from securemnist.results import policy as policies
from securemnist.results.findings import Measurement
from tests.stubs import FunctionModel

NATURAL = ("NAT-01", "NAT-02", "NAT-03")


def always_one(x: torch.Tensor) -> torch.Tensor:
    """Logits (n, 10) of class 1 for every image."""
    return torch.eye(10)[torch.ones(len(x), dtype=torch.long)]


def test_the_design_effect_is_that_of_the_samples(mnist: DataSet) -> None:
    """Errors that lie together in the file widen the margin by as much as labels and answers say."""
    labels = mnist.test.labels
    chosen = [(labels == 1).nonzero()[:450, 0], (labels == 0).nonzero()[:50, 0]]
    small = dataclasses.replace(mnist, test=mnist.test[torch.cat(chosen)], digests={})
    context = Context(from_model(FunctionModel(always_one), name="one"), small)
    expected = margins.design_effect([1] * 450 + [0] * 50, [1] * 500)
    assert design_of(context, "one") == expected > 10


def test_constant_answer_is_refused_on_uneven_classes() -> None:
    """A network that always answers the class of nine in ten samples is no better than guessing."""
    labels = (torch.arange(200) % 10 != 0).long()
    data = DataSet.from_tensors(torch.rand(200, 1, 8, 8), labels, classes=2)
    constant = FunctionModel(lambda x: torch.eye(2)[torch.ones(len(x), dtype=torch.long)])
    context = Context(from_model(constant, name="one"), data)
    with pytest.raises(UsageError, match=r"better than guessing.* 0\.9000 .*0\.5000 as the mean"):
        design_of(context, "one")


def test_too_few_samples_are_not_blamed_on_the_model() -> None:
    """Two right answers of two are few: the message names the samples, not the model."""
    x = torch.zeros(2, 1, 8, 8)
    x[0, :, :, :4], x[1, :, :, 4:] = 1, 1
    data = DataSet.from_tensors(x, torch.tensor([0, 1]))
    context = Context(from_model(FunctionModel(halves), name="halves"), data)
    with pytest.raises(UsageError, match=r"expected enough samples to tell halves .* got 2 of"):
        design_of(context, "halves")


def test_progress_names_the_row_and_the_eps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row is counted once, whatever eps it is tried at, and its work is shown with its name."""
    monkeypatch.chdir(tmp_path)  # no code to scan
    labels = torch.arange(240) % 2
    x = 0.1 * torch.rand((240, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    x[labels == 1, :, :, 5:7] += 0.7
    x[labels == 0, :, :, 1:3] += 0.7
    shown: list[tuple[str, int, int]] = []
    subject = from_model(FunctionModel(halves), name="halves")
    rows = measured.measure(
        subject, DataSet.from_tensors(x, labels), 50, lambda *step: shown.append(step)
    )
    begun = [step for step in shown if step[0].startswith("first measurement, ")]
    assert [done for _, done, _ in begun] == sorted(done for _, done, _ in begun)
    total = begun[0][2]
    assert {step[2] for step in begun} == {total}
    assert begun[0] == ("first measurement, CLEAN-01", 0, total)
    assert len({label.split()[2] for label, *_ in begun}) == total >= len(rows)
    assert any(label == "first measurement, ADV-01 at eps 0.3" for label, *_ in begun)
    work = [label for label, *_ in shown if label.startswith("ADV-02 at eps ")]
    assert any("APGD" in label for label in work)


def halves(x: torch.Tensor) -> torch.Tensor:
    """Logits (n, 2): class 1 where the right half is brighter."""
    right, left = x[..., 4:].mean((1, 2, 3)), x[..., :4].mean((1, 2, 3))
    return 60 * torch.stack([left, right], 1)


def test_natural_rows_have_measured_thresholds() -> None:
    """A first policy bounds corruptions, poses and calibration by its own measurement, in the family."""
    labels = torch.arange(240) % 2
    x = 0.1 * torch.rand((240, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    x[labels == 1, :, :, 5:7] += 0.7
    x[labels == 0, :, :, 1:3] += 0.7
    data = DataSet.from_tensors(x, labels)
    subject = from_model(FunctionModel(halves), name="halves")
    context = Context(subject, data)
    sizes = measured.Sizes(images=100, test=240, design=1.0, classes=2)
    rows = [
        measured._row(context, proposal, proposal.settings, sizes)
        for proposal in measured.proposals(data)
        if proposal.id in NATURAL
    ]
    assert [row.proposal.id for row in rows] == list(NATURAL)
    text = policy(rows, "halves", data, datetime.date(2026, 11, 27))
    read = policies.parse(text, "p.toml")
    assert read.families == ("natural",)
    for row, asked in zip(rows, read.requirements, strict=True):
        assert asked.threshold == row.bound.threshold
        assert bool(asked.waiver) == bool(row.bound.problem)
    assert 0 < read.requirements[2].threshold < 0.1


def test_images_of_four_channels_get_no_corruptions() -> None:
    """A row that could not be measured is not proposed."""
    data = DataSet.from_tensors(torch.rand(240, 4, 8, 8), torch.arange(240) % 2)
    assert "NAT-01" not in [row.id for row in measured.proposals(data)]


@pytest.mark.parametrize(
    ("value", "high", "threshold", "problem"),
    [
        (0.02, 0.03, 0.041, ""),
        (0.09, 0.11, 0.1, "meets 0.1, but not by the margin"),
        (0.2, 0.22, 0.1, "is above 0.1"),
    ],
)
def test_the_bound_of_an_error(value: float, high: float, threshold: float, problem: str) -> None:
    """A calibration error gets four standard errors of room, or is waived above a tenth."""
    taken = Measurement(
        value=value, low=value - 0.01, high=high, n=500, complete=False, seconds=0.0, seed=0
    )
    bound = margins.of_error(taken)
    assert bound.threshold == pytest.approx(threshold)
    assert problem in bound.problem
    assert bool(bound.problem) == bool(problem)


def test_the_bound_of_an_error_expects_other_writers() -> None:
    """A model whose error is larger on the test set than on the tuning split passes its policy."""
    taken = Measurement(
        value=0.1178, low=0.1085, high=0.1271, n=5_000, complete=False, seconds=0.0, seed=0
    )
    alone, beside = margins.of_error(taken), margins.of_error(taken, 10_000, 4.5)
    assert alone.worst == pytest.approx(0.137)
    assert beside.worst is not None
    assert beside.worst > 0.1555  # what this network's test images gave
    assert beside.max_drop == alone.max_drop


def test_the_bound_of_an_error_without_a_wrong_answer() -> None:
    """Answers that are all right do not promise that none of as many others is wrong."""
    taken = Measurement(
        value=0.001, low=0.001, high=0.001, n=800, complete=False, seconds=0.0, seed=0
    )
    assert margins.of_error(taken).threshold > taken.value + 3 / 800
