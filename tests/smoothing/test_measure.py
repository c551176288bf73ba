"""The measure `certified_l2`: its number, its verdict, its figure and its refusals."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from securemnist.data import DataSet
from securemnist.errors import PolicyError, UsageError
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.report.details import facts
from securemnist.report.figures import exhibits
from securemnist.results import families
from securemnist.results.findings import Finding, Requirement, Verdict
from securemnist.results.measurement import Measurement
from securemnist.view.requirement_text import claim
from tests.outcome_text import decoded

QUICK = {"sigma": 0.25, "n0": 20, "n": 200}


class Brightness(nn.Module):
    """Two groups of digits by their mean brightness: exact radii are known."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = 784 * (x.flatten(1).mean(1, keepdim=True) - 0.13)
        return torch.cat([mean, -mean, mean.new_full((len(x), 8), -1e6)], 1)


class Batchwise(nn.Module):
    """An answer that depends on the other images of the batch: draws are not independent."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.flatten(1).mean(1, keepdim=True)
        return torch.cat([mean - mean.mean(), mean.mean() - mean, mean.new_zeros(len(x), 8)], 1)


@pytest.fixture(scope="module")
def few(mnist: DataSet) -> DataSet:
    """The fewest images that make a complete set, labelled by their brightness."""
    samples = mnist.test[:100]
    labels = (samples.images().flatten(1).mean(1) <= 0.13).long()
    return dataclasses.replace(mnist, test=dataclasses.replace(samples, labels=labels))


def measured(model: nn.Module, data: DataSet, eps: float = 0.1, **settings: Any) -> Measurement:
    context = Context(loading.from_model(model, name="model"), data)
    row = {"threat": {"norm": "l2", "eps": eps}, "images": 100, **QUICK, **settings}
    return take_measurement(context, "certified_l2", bind("certified_l2", row), 0)


def judged(measurement: Measurement, at_least: float = 0.3, eps: float = 0.1) -> Finding:
    settings = {"threat": {"norm": "l2", "eps": eps}, "images": 100, **QUICK}
    row = Requirement(
        id="R", measure="certified_l2", because="", at_least=at_least, settings=settings
    )
    return row.judge(measurement, family=families.CERTIFIED)


def test_certified_images_are_within_their_exact_radius(few: DataSet) -> None:
    """The certified share is below the share of images that far from the plane, and not far below."""
    found = measured(Brightness(), few, eps=0.1, n=1_000)
    distance = 28 * (few.test.images().flatten(1).mean(1) - 0.13).abs()
    exact = float((distance >= 0.1).float().mean())
    assert exact - 0.25 < found.value <= exact
    codes = decoded(found.evidence.outcomes.codes)
    assert codes.count("c") == round(100 * found.value)
    assert found.certified is None  # nothing is proved without a failure probability


def test_a_pass_states_its_failure_probability(few: DataSet) -> None:
    """Label, sentence and facts of a pass have the failure probability and the smoothed classifier."""
    finding = judged(measured(Brightness(), few, alpha=0.004))
    assert finding.label == "PASS (smoothed, failure probability 0.004)"
    assert "wrong has a probability of at most 0.004" in str(finding)
    assert "not of the model without noise" in dict(facts(finding))["where proofs end"]
    assert not finding.proved
    assert claim(finding).startswith(
        "Smoothed by noise of deviation 0.25, with a change of L2 norm"
    )


def test_a_threshold_above_the_share_fails(few: DataSet) -> None:
    """The same measurement fails a row that asks for more, without a label of a pass."""
    finding = judged(measured(Brightness(), few), at_least=0.99)
    assert finding.verdict is Verdict.FAIL
    assert finding.label == "FAIL"


def test_draws_that_depend_on_each_other_are_inconclusive(few: DataSet) -> None:
    """A model whose answer depends on the batch has no certificate, whatever the number."""
    finding = judged(measured(Batchwise(), few), at_least=0.0011)
    assert finding.verdict is not Verdict.PASS
    assert "batch dependence" in finding.measurement.inconclusive


def test_the_figure_falls_with_the_radius(few: DataSet) -> None:
    """The curve begins at its smallest radius, falls, and ends beyond the radius of the draws."""
    found = measured(Brightness(), few, curve=[0.0, 0.05])
    points = found.evidence.smoothed.curve
    shares = [point.certified for point in points]
    assert [point.radius for point in points][:3] == [0.0, 0.05, 0.1]
    assert shares == sorted(shares, reverse=True)
    assert shares[2] == found.value < shares[0]
    figure = exhibits(judged(found))[0]
    assert figure.title == "Certified accuracy vs. L2 radius"
    assert "required" in figure.panels[0].picture
    assert "failure probability of 0.001" in figure.caption


def test_a_curve_does_not_change_the_number(few: DataSet) -> None:
    """Smaller radii in the figure let more images go on, and change no certificate at eps."""
    assert measured(Brightness(), few).value == measured(Brightness(), few, curve=[0.0]).value


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"threat": {"norm": "linf", "eps": 0.1}},
            "expected an l2 threat for smoothing, got 'linf'",
        ),
        ({"sigma": 0.0}, "0 < sigma <= 4"),
        ({"alpha": 0.2}, "0 < alpha <= 0.05"),
        ({"n": 0}, "n from 1 to"),
        ({"threat": {"norm": "l2", "eps": 1.0}}, "the radius of 200 draws without a miss"),
        ({"curve": [-1.0]}, "eps"),
        ({"attack": {"use": "PGD"}}, "unknown key 'attack'"),
    ],
)
def test_settings_that_cannot_be_measured_are_refused(
    settings: dict[str, Any], message: str
) -> None:
    """Another norm, values out of range and a radius beyond the draws are refused in one sentence."""
    row = {"threat": {"norm": "l2", "eps": 0.1}, "images": 100, **QUICK, **settings}
    with pytest.raises(PolicyError, match=message):
        bind("certified_l2", row)


def test_sigma_has_no_default() -> None:
    """A row states its sigma: the smoothed classifier of another one is another classifier."""
    with pytest.raises(PolicyError, match="sigma"):
        bind("certified_l2", {"threat": {"norm": "l2", "eps": 0.1}})


def test_the_radius_is_checked_for_all_images(few: DataSet) -> None:
    """Without `images` the number of certificates, and so the largest radius, is known at the run."""
    row = {"threat": {"norm": "l2", "eps": 0.46}, "sigma": 0.25, "n": 300}
    context = Context(loading.from_model(Brightness(), name="model"), few)
    with pytest.raises(UsageError, match="over 100 images"):
        take_measurement(context, "certified_l2", bind("certified_l2", row), 0)
