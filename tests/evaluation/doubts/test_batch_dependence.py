"""Predictions that depend on the batch are doubted, for randomised models, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from securemnist.data import DataSet
from securemnist.errors import NoCertificate
from securemnist.evaluation.certificate_stage import certify_and_attack
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import prediction_doubts
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.results.findings import Requirement, Verdict
from securemnist.threats import Linf
from tests.backdoor.conftest import few_control_images  # noqa: F401
from tests.evaluation.doubts.false_backward import Autocast, InBfloat16
from tests.evaluation.doubts.impostors import Around, BatchMean, Dropping, Noisy
from tests.evaluation.doubts.test_gradients import OwnNoise, network

ROWS: dict[str, dict[str, Any]] = {
    "clean_accuracy": {"images": 100},
    "worst_class_accuracy": {"images": 100},
    "backdoor_success": {"images": 100, "trigger": {"kind": "corner"}, "target": 7},
}


class BatchStatistics(Around):
    """Logits that use batch statistics; `own` adds noise that cannot be seeded."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(x)
        return logits - 0.3 * logits.mean(0, keepdim=True)


class Small(Around):
    """Logits times 1e-9."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 1e-9 * self.network(x)


class LargeBatches(Around):
    """The network in batches of more than 128 images, and one class for all in smaller ones."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(x)
        return logits if len(x) > 128 else torch.eye(10)[3].repeat(len(x), 1)


def names(model: nn.Module, mnist: DataSet, *, randomised: bool = False) -> set[str]:
    """Names of the doubts about the predictions."""
    context = Context(loading.from_model(model.eval(), name="it"), mnist)
    return {doubt.name for doubt in prediction_doubts(context, randomised=randomised)}


@pytest.mark.parametrize("randomised", [False, True])
@pytest.mark.parametrize("kind", [BatchMean, BatchStatistics])
def test_randomised_skips_variation_only(
    kind: type[Around], randomised: bool, mnist: DataSet
) -> None:
    """`randomised` skips the doubt about variation and no other."""
    assert names(kind(network()), mnist, randomised=randomised) == {"batch dependence"}


@pytest.mark.parametrize("wrap", [lambda net: net, Noisy], ids=["plain", "noisy"])
def test_largest_batch_is_compared(wrap: Callable[[nn.Module], nn.Module], mnist: DataSet) -> None:
    """A model that is right only in the batches of 256 that accuracy is counted in is doubted."""
    found = names(LargeBatches(wrap(network())), mnist, randomised=wrap is Noisy)
    assert "batch dependence" in found


@pytest.mark.parametrize("noise", [Noisy, Dropping, OwnNoise])
def test_batch_dependence_found_under_noise(noise: type[Around], mnist: DataSet) -> None:
    """Batch dependence of a randomised model is found, declared or not."""
    hidden = BatchStatistics(noise(network()))
    assert names(hidden, mnist) == {"variation", "batch dependence"}
    assert names(hidden, mnist, randomised=True) == {"batch dependence"}


@pytest.mark.parametrize("noise", [Noisy, Dropping, OwnNoise])
def test_declared_noise_raises_no_doubt(noise: type[Around], mnist: DataSet) -> None:
    """A model that is declared randomised, and independent of the batch, is not doubted."""
    assert names(noise(network()), mnist, randomised=True) == set()


def test_variation_is_relative_to_logits(mnist: DataSet) -> None:
    """The tolerance is relative to the size of the logits."""
    assert names(Small(Noisy(network())), mnist) == {"variation"}
    assert names(Small(BatchStatistics(network())), mnist) == {"batch dependence"}
    assert names(Small(network()), mnist) == set()


@pytest.mark.parametrize("wrap", [InBfloat16, Autocast])
def test_bfloat16_raises_no_batch_dependence(wrap: type[Around], mnist: DataSet) -> None:
    """The rounding of bfloat16 is not taken for batch dependence."""
    assert names(wrap(network()), mnist) == set()


@pytest.mark.parametrize("measure", ROWS)
def test_clean_accuracy_checks_batch_dependence(measure: str, mnist: DataSet) -> None:
    """A clean accuracy that depends on the batch does not pass, and the reason says so."""
    context = Context(loading.from_model(BatchStatistics(network()).eval(), name="it"), mnist)
    measurement = take_measurement(context, measure, bind(measure, ROWS[measure]), 0)
    bound = {"at_most": 0.9} if measure == "backdoor_success" else {"at_least": 0.1}
    judged = Requirement(id="X-01", measure=measure, because="", **bound).judge(measurement)  # type: ignore[arg-type]
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "batch dependence" in judged.reason


@pytest.mark.parametrize("measure", ROWS)
def test_clean_accuracy_accepts_randomised(measure: str, mnist: DataSet) -> None:
    """Noise is doubted on a clean row unless it is declared; then the interval decides."""
    context = Context(loading.from_model(Noisy(network()).eval(), name="it"), mnist)
    measurement = take_measurement(context, measure, bind(measure, ROWS[measure]), 0)
    assert measurement.inconclusive.startswith("variation")
    declared = take_measurement(
        context, measure, bind(measure, ROWS[measure] | {"randomised": True}), 0
    )
    assert declared.inconclusive == ""
    assert not declared.complete


def test_certificates_refuse_batch_dependence(mnist: DataSet) -> None:
    """A network whose predictions depend on the batch has no certificates."""
    context = Context(loading.from_model(BatchStatistics(network()).eval(), name="it"), mnist)
    sample = context.sample(8, 0)
    with pytest.raises(NoCertificate, match="batch dependence"):
        certify_and_attack(context, sample.x, sample.y, Linf(0.01), crown=False, seed=0)
