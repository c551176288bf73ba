"""Predicted classes, independent of scale and float format of the logits."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from securemnist.attacks import make_attack
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.models.predictions import exact, is_wrong, predicted, tied
from securemnist.results.findings import Measurement, Requirement, Verdict
from securemnist.threats import Linf
from tests.backdoor.conftest import few_control_images  # noqa: F401
from tests.stubs import FunctionModel

FORMATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
THREAT = {"norm": "linf", "eps": 0.1}
IMAGES, FEW = 24, 200

Change = Callable[[torch.Tensor], torch.Tensor]
CHANGES: dict[str, Change] = {
    "times 1e-9": lambda z: z * 1e-9,
    "times 1e-30": lambda z: z * 1e-30,
    "times 1e30": lambda z: z * 1e30,
    "float64": lambda z: z.double(),
    "float64 plus 1e6": lambda z: z.double() + 1e6,
    "float64 plus 1e6, times 1e-9": lambda z: z.double() * 1e-9 + 1e6,
}
CLEAN: dict[str, dict[str, Any]] = {
    "clean_accuracy": {},
    "worst_class_accuracy": {"images": 100},
    "backdoor_success": {"trigger": {"kind": "corner"}, "target": "all", "images": 100},
}


class Changed(nn.Module):
    """A reference model with an order-preserving change of its logits."""

    def __init__(self, name: str, change: Change) -> None:
        super().__init__()
        self.net, self.change = loading.resolve(name).model, change

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.change(self.net(x))


def context(model: nn.Module, mnist: DataSet) -> Context:
    """A context of this model on a few hundred images."""
    mnist = dataclasses.replace(mnist, test=mnist.test[:FEW])
    return Context(loading.from_model(model, name="it"), mnist)


def run_row(evaluated: Context, measure: str, **row: Any) -> Measurement:
    """One measurement on a few images."""
    return take_measurement(evaluated, measure, bind(measure, {"images": IMAGES, **row}), 0)


@pytest.mark.parametrize("dtype", FORMATS, ids=str)
def test_predicted_in_logit_format(dtype: torch.dtype) -> None:
    """The largest logit decides; a tie with the true class, and NaN, count against the model."""
    step = torch.finfo(dtype).eps
    rows = [[1 + step, 1.0, 0.0], [1.0, 1 + step, 0.0], [1.0, 1.0, 0.0], [1.0, torch.nan, 0.0]]
    logits, y = torch.tensor(rows, dtype=dtype), torch.zeros(4, dtype=torch.long)
    assert is_wrong(logits, y).tolist() == [False, True, True, True]
    assert predicted(logits, y).tolist() == [0, 1, 1, 1]
    assert tied(logits, y).tolist() == [False, False, True, False]
    assert torch.equal(exact(logits).to(dtype).nan_to_num(), logits.nan_to_num())


@pytest.fixture(scope="module")
def unchanged(mnist: DataSet) -> dict[str, tuple[float, float, float]]:
    """Values and intervals of the network whose logits stay."""
    evaluated = context(loading.resolve("hardened").model, mnist)
    found = {measure: run_row(evaluated, measure, **row) for measure, row in CLEAN.items()}
    return {measure: (one.value, one.low, one.high) for measure, one in found.items()}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_clean_measures_independent_of_scale(
    change: Change, unchanged: dict[str, tuple[float, float, float]], mnist: DataSet
) -> None:
    """Clean accuracy, worst class and backdoor success are those of the unchanged logits."""
    evaluated = context(Changed("hardened", change), mnist)
    for measure, row in CLEAN.items():
        found = run_row(evaluated, measure, **row)
        assert (found.value, found.low, found.high) == unchanged[measure]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_scale_invariant_attack_independent_of_scale(change: Change, mnist: DataSet) -> None:
    """A scale-invariant attack gives the number of the unchanged network."""
    attack = {"use": "PGD", "steps": 10, "loss": "margin"}
    row: dict[str, Any] = {"attack": attack, "threat": {"norm": "linf", "eps": 0.3}}
    honest = run_row(context(loading.resolve("baseline").model, mnist), "attack_accuracy", **row)
    scaled = run_row(context(Changed("baseline", change), mnist), "attack_accuracy", **row)
    assert abs(honest.value - scaled.value) <= 1 / IMAGES
    assert honest.value < 0.2


def test_certificates_independent_of_scale(mnist: DataSet) -> None:
    """Small logits certify as many images, extreme ones not more, and no certified image is broken."""

    def value(model: nn.Module) -> float:
        return run_row(context(model, mnist), "certified_accuracy", threat=THREAT, images=6).value

    plain = value(loading.resolve("certified").model)
    assert plain > 0.8
    for name in ("times 1e-9", "times 1e-30", "times 1e30"):
        factor = float(CHANGES[name](torch.ones((), dtype=torch.float64)))
        scaled = loading.resolve("certified").model
        with torch.no_grad():
            scaled.layers[-1].weight *= factor  # type: ignore[index, operator]
            scaled.layers[-1].bias *= factor  # type: ignore[index, operator]
        # Bounds that overflow or underflow prove less, which is safe.
        found = value(scaled)
        assert found == plain if name == "times 1e-9" else found <= plain, name


@pytest.mark.parametrize("use", ["PGD", "APGD", "APGDT", "FAB", "BoundaryFAB", "Square"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_attacks_on_float_formats(use: str, dtype: torch.dtype, mnist: DataSet) -> None:
    """Attacks break a model with logits in another format than float32."""
    network = Changed("baseline", lambda z: z.to(dtype)).eval()
    settings = {"Square": {"queries": 100}}.get(use, {"steps": 10})
    samples = mnist.test[:16]
    x, y = samples.images(), samples.labels
    rng = torch.Generator().manual_seed(0)
    proposals = make_attack({"use": use, **settings}).propose(
        network, x, y, threat=Linf(0.3), rng=rng
    )
    assert proposals.dtype == torch.float32
    assert int(is_wrong(network(proposals), y).sum()) >= 8


def test_ties_counted_against_model(mnist: DataSet) -> None:
    """A network with equal logits of two classes has no correct prediction, and the finding says why."""
    two = torch.tensor([[1.0, 1.0, *[0.0] * 8]])
    model = FunctionModel(lambda x: two.expand(len(x), -1) + 0 * x.flatten(1)[:, :1])
    measurement = run_row(context(model, mnist), "clean_accuracy", images=FEW)
    assert measurement.value == 0
    shown = int((mnist.test[:FEW].labels < 2).sum()) + 1
    assert 0 < measurement.evidence.ties < shown
    row = Requirement(id="X-01", measure="clean_accuracy", because="", at_least=0.1)
    finding = row.judge(measurement)
    assert finding.verdict is Verdict.FAIL
    assert "the true class ties with another class" in str(finding)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_probabilities_attacked_by_logarithm(dtype: torch.dtype, mnist: DataSet) -> None:
    """Probabilities rounded by bfloat16 are attacked by their logarithm, like others."""
    evaluated = context(Changed("baseline", lambda z: z.softmax(1).to(dtype)), mnist)
    assert evaluated.target is not evaluated.subject.model
    logits = context(Changed("baseline", lambda z: z.to(dtype)), mnist)
    assert logits.target is logits.subject.model
