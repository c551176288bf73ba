"""Models that hide their gradients, and defences: the number falls to what is true."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from securemnist.data import DataSet
from securemnist.defences.base import Defence
from securemnist.evaluation.context import Context
from securemnist.measures import bind, robustness, take_measurement
from securemnist.models import loading
from securemnist.models.loading import Subject, from_model
from securemnist.results.findings import Measurement
from tests.stubs import FunctionModel

IMAGES = 4
THREAT = {"norm": "linf", "eps": 0.3}
LADDER = {"use": "ladder", "budget": "smoke"}


@pytest.fixture(scope="module")
def few(mnist: DataSet) -> DataSet:
    """MNIST with 24 test images, and 100 training images for attacks that use others of the data."""
    return dataclasses.replace(mnist, train=mnist.train[:100], test=mnist.test[:24], digests={})


def network(name: str = "baseline") -> nn.Module:
    """An undefended reference model."""
    return loading.resolve(name).model


def vote() -> nn.Module:
    """The majority vote of three undefended networks."""
    networks = [network(name) for name in ("baseline", "network_c", "network_d")]

    def votes(x: torch.Tensor) -> torch.Tensor:
        counts = [F.one_hot(part(x).argmax(1), 10) for part in networks]
        return torch.stack(counts).sum(0).float()

    return FunctionModel(votes)


def gate() -> nn.Module:
    """A network that reads bright images, such as those with added grey, in black and white."""
    inner = network()

    def answer(x: torch.Tensor) -> torch.Tensor:
        bright = x.mean((1, 2, 3)) > 0.2
        return torch.where(bright[:, None], inner((x > 0.5).float()), inner(x))

    return FunctionModel(answer)


class ZeroBackward(torch.autograd.Function):
    """The identity, without a gradient."""

    @staticmethod
    def forward(_ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(_ctx: Any, *gradients: Any) -> Any:
        return torch.zeros_like(gradients[0])


def rounded() -> nn.Module:
    """Logits that are rounded to integers."""
    inner = network()
    return FunctionModel(lambda x: inner(x).round())


def without_gradient() -> nn.Module:
    """A network whose backward pass is zero, in a function that no rule can replace."""
    inner = network()
    return FunctionModel(lambda x: inner(ZeroBackward.apply(x)))


HIDING: dict[str, Callable[[], nn.Module]] = {
    "rounded logits": rounded,
    "vote": vote,
    "gate": gate,
    "no backward pass": without_gradient,
}


def measured(context: Context, **settings: Any) -> Measurement:
    """The robust accuracy of a context under the smallest ladder."""
    row = {"threat": THREAT, "attack": LADDER, "images": IMAGES, **settings}
    return take_measurement(context, "robust_accuracy", bind("robust_accuracy", row), 0)


@pytest.fixture
def without_search_doubts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Doubts about the searches take most of the time, and add no stage."""
    monkeypatch.setattr(robustness, "search_doubts", lambda *_, **__: ((), None))


@pytest.mark.usefixtures("without_search_doubts")
@pytest.mark.parametrize("name", HIDING)
def test_hidden_gradients_gain_nothing(name: str, few: DataSet) -> None:
    """The ladder leaves images of a model without gradients; further stages break them all."""
    found = measured(Context(from_model(HIDING[name](), name=name), few))
    stages = {counts.stage: counts for counts in found.evidence.waterfall}
    assert found.value == 0
    assert stages["straight-through PGD-40"].entered > 0


@pytest.mark.usefixtures("without_search_doubts")
def test_honest_model_has_no_further_stage(baseline: Subject, few: DataSet) -> None:
    """A network that shows its gradients keeps its value and its stages."""
    found = measured(Context(baseline, few), threat={"norm": "linf", "eps": 0.05})
    assert found.value > 0
    stages = [counts.stage for counts in found.evidence.waterfall]
    assert not any(stage.startswith("straight-through") for stage in stages)


@final
@dataclass(frozen=True, kw_only=True)
class Hiding(Defence):
    """A saboteur: it hides the gradient, and declares a copy that helps no attack."""

    helps: bool = False

    def wrap(self, model: nn.Module) -> nn.Module:
        return FunctionModel(lambda x: (model(x) * 1000).round() / 1000)

    def attacked(self, model: nn.Module) -> nn.Module:
        return FunctionModel(lambda x: 0 * model(x) + torch.eye(10)[0])


@final
@dataclass(frozen=True, kw_only=True)
class Noisy(Defence):
    """A defence with random answers, almost the model's own."""

    randomised: ClassVar[bool] = True

    def wrap(self, model: nn.Module) -> nn.Module:
        return FunctionModel(lambda x: model(x) + 0.01 * torch.randn(len(x), 10))


def test_defence_that_only_hides_gains_nothing(baseline: Subject, few: DataSet) -> None:
    """A defence whose copy lies is attacked itself, and its number falls to that of the network."""
    settings = {"use": f"{__name__}:Hiding"}
    found = measured(Context(baseline, few), defence=settings)
    assert found.value == 0


def test_random_defence_counts_as_random(
    baseline: Subject, few: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row with a random defence counts single answers, and its number is no exact one."""
    # Doubts take nearly all of the time, and change neither.
    monkeypatch.setattr(robustness, "model_doubts", lambda *_, **__: ())
    monkeypatch.setattr(robustness, "search_doubts", lambda *_, **__: ((), None))
    noisy, attack = {"use": f"{__name__}:Noisy"}, {"use": "PGD", "steps": 5}
    found = measured(Context(baseline, few), defence=noisy, attack=attack)
    assert found.evidence.answers_per_image
    assert not found.complete


def test_row_without_defence_is_undefended(baseline: Subject, few: DataSet) -> None:
    """A defence of one row changes no other row of the same context."""
    context, row = Context(baseline, few), {"images": 24}
    blurred = row | {"defence": {"use": "gaussian", "sigma": 4}}
    values = [
        take_measurement(context, "clean_accuracy", bind("clean_accuracy", settings), 0).value
        for settings in (row, blurred, row)
    ]
    assert values[0] == values[2] > values[1]
