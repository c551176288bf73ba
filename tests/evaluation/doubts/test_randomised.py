"""Models that are randomised on purpose, and declared so."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import nn

import securemnist as sm
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.evaluation.eot import COUNTED_DRAWS
from securemnist.evaluation.mean_model import MeanModel
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.results.findings import Measurement, Requirement, Verdict
from tests.evaluation.doubts.impostors import BatchMean, Noisy
from tests.stubs import FunctionModel

IMAGES = 8


def measured(network: nn.Module, mnist: DataSet, *, randomised: bool) -> Measurement:
    """A network with noise under PGD at eps 0.1."""
    torch.manual_seed(0)
    context = Context(loading.from_model(Noisy(network).eval(), name="noisy"), mnist)
    row = {
        "attack": {"use": "PGD", "steps": 3},
        "threat": {"norm": "linf", "eps": 0.1},
        "images": IMAGES,
        "randomised": randomised,
    }
    return take_measurement(context, "attack_accuracy", bind("attack_accuracy", row), 0)


def test_declared_noise_uses_interval(honest: nn.Module, mnist: DataSet) -> None:
    """Declared noise raises no doubt; the interval decides, over single outputs."""
    declared = measured(honest, mnist, randomised=True)
    names = {doubt.name for doubt in declared.doubts}
    assert not names & {"variation", "batch dependence"}
    assert declared.evidence.answers_per_image == COUNTED_DRAWS
    assert not declared.complete
    assert declared.low < declared.value < declared.high
    between = Requirement(id="X-01", measure="attack_accuracy", because="", at_least=declared.value)
    assert between.judge(declared).verdict is Verdict.INCONCLUSIVE


def test_undeclared_noise_raises_variation(honest: nn.Module, mnist: DataSet) -> None:
    """The same noise without the declaration raises the doubt variation."""
    undeclared = measured(honest, mnist, randomised=False)
    assert "variation" in {doubt.name for doubt in undeclared.doubts}


def test_mean_model_varies_less(mnist: DataSet) -> None:
    """The mean of several outputs varies less than a single output."""
    torch.manual_seed(0)
    noisy = Noisy(loading.resolve("baseline").model)
    x = mnist.test[:32].images()
    with torch.no_grad():
        moved = [float((model(x) - model(x)).abs().mean()) for model in (noisy, MeanModel(noisy))]
    assert moved[1] < moved[0] / 2


class NoisyBrightness(nn.Module):
    """Two classes by the mean brightness, with noise of standard deviation 1.5 on both logits."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gap = 40 * (x.flatten(1).mean(1) - 0.5)
        logits = torch.stack([-gap, gap], 1) / 2
        return logits + 1.5 * torch.randn(logits.shape)


def accuracy_of(name: str, distance: float, eps: float) -> tuple[float, float]:
    """The measured and the expected accuracy of images at this distance from the boundary."""
    labels = torch.arange(200) % 2
    x = torch.full((200, 1, 8, 8), 0.5) + (labels * 2 - 1).view(-1, 1, 1, 1) * distance
    torch.manual_seed(0)
    found = sm.measure(
        name,
        NoisyBrightness(),
        (x, labels),
        threat=f"linf:{eps}",
        attack="PGD:steps=3",
        randomised=True,
        progress=False,
    )
    # The margin within the ball is 40 * (distance - eps), its noise of standard deviation 1.5 * sqrt(2).
    return found.value, 0.5 * (1 + math.erf(40 * (distance - eps) / (1.5 * 2**0.5) / 2**0.5))


@pytest.mark.parametrize("name", ["robust_accuracy", "attack_accuracy"])
def test_single_outputs_are_counted_near_the_boundary(name: str) -> None:
    """Images whose mean output withstands the attack count as often as their single outputs do."""
    value, expected = accuracy_of(name, 0.125, 0.08)
    assert value == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("distance", [0.125, -0.02])
def test_broken_images_are_counted_at_their_worst(distance: float) -> None:
    """An image whose mean output is wrong counts where single outputs are rarely right, not before."""
    value, expected = accuracy_of("robust_accuracy", distance, 0.2)
    assert value == pytest.approx(expected, abs=0.03)


def test_doubts_without_survivors(mnist: DataSet) -> None:
    """Random answers that depend on the batch are doubted where the mean of every image is wrong, too."""
    shifted = BatchMean(Noisy(FunctionModel(lambda x: 10 - x.flatten(1)[:, :10])))
    nines = dataclasses.replace(mnist, test=mnist.test[mnist.test.labels == 9][:16], digests={})
    context = Context(loading.from_model(shifted.eval(), name="wrong"), nines)
    row = {"attack": {"use": "PGD", "steps": 3}, "threat": {"norm": "linf", "eps": 0.1}}
    bound = bind("robust_accuracy", row | {"images": 16, "randomised": True})
    found = take_measurement(context, "robust_accuracy", bound, 0)
    assert "batch dependence" in {doubt.name for doubt in found.doubts}


@pytest.mark.parametrize("value", [1, "yes", None])
def test_randomised_is_boolean(value: object) -> None:
    """Anything but true or false is refused."""
    row = {"threat": {"norm": "linf", "eps": 0.1}, "randomised": value}
    with pytest.raises(Exception, match="randomised"):
        bind("robust_accuracy", row)
