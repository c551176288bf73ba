"""Answers that depend on the batch are doubted, whether or not a model may vary."""

from __future__ import annotations

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
from tests.evaluation.doubts.impostors import Around, Dropping, Noisy, Sociable
from tests.evaluation.doubts.lying import Autocast, InBfloat16
from tests.evaluation.doubts.test_gradients import OwnNoise, network

ROWS: dict[str, dict[str, Any]] = {
    "clean_accuracy": {"digits": 100},
    "worst_class_accuracy": {"digits": 100},
    "backdoor_success": {"digits": 100, "trigger": {"kind": "corner"}, "target": 7},
}


class Statistics(Around):
    """Logits by the statistics of the batch; `own` adds noise that no seed repeats."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(x)
        return logits - 0.3 * logits.mean(0, keepdim=True)


class Small(Around):
    """Logits a billionth as large."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 1e-9 * self.network(x)


def names(model: nn.Module, mnist: DataSet, *, randomised: bool = False) -> set[str]:
    """The doubts about what a model answers."""
    context = Context(loading.from_model(model.eval(), name="it"), mnist)
    return {doubt.name for doubt in prediction_doubts(context, randomised=randomised)}


@pytest.mark.parametrize("randomised", [False, True])
@pytest.mark.parametrize("kind", [Sociable, Statistics])
def test_a_declaration_does_not_spare_the_batch(
    kind: type[Around], randomised: bool, mnist: DataSet
) -> None:
    """`randomised` spares the doubt about variation and no other."""
    assert names(kind(network()), mnist, randomised=randomised) == {"batch dependence"}


@pytest.mark.parametrize("noise", [Noisy, Dropping, OwnNoise])
def test_noise_does_not_hide_the_batch(noise: type[Around], mnist: DataSet) -> None:
    """Of a model that varies, too, the batch is noticed, declared or not."""
    hidden = Statistics(noise(network()))
    assert names(hidden, mnist) == {"variation", "batch dependence"}
    assert names(hidden, mnist, randomised=True) == {"batch dependence"}


@pytest.mark.parametrize("noise", [Noisy, Dropping, OwnNoise])
def test_declared_noise_is_not_doubted(noise: type[Around], mnist: DataSet) -> None:
    """A model that varies as it says, each digit on its own, is not doubted."""
    assert names(noise(network()), mnist, randomised=True) == set()


def test_small_logits_hide_no_noise(mnist: DataSet) -> None:
    """Whether answers differ is measured by their own size."""
    assert names(Small(Noisy(network())), mnist) == {"variation"}
    assert names(Small(Statistics(network())), mnist) == {"batch dependence"}
    assert names(Small(network()), mnist) == set()


@pytest.mark.parametrize("wrap", [InBfloat16, Autocast])
def test_coarse_arithmetic_is_not_doubted(wrap: type[Around], mnist: DataSet) -> None:
    """The rounding of bfloat16 is no dependence on the batch."""
    assert names(wrap(network()), mnist) == set()


@pytest.mark.parametrize("measure", ROWS)
def test_a_clean_row_looks_at_the_batch(measure: str, mnist: DataSet) -> None:
    """A clean number that depends on the batch is no pass, and the reason says so."""
    context = Context(loading.from_model(Statistics(network()).eval(), name="it"), mnist)
    seen = take_measurement(context, measure, bind(measure, ROWS[measure]), 0)
    bound = {"at_most": 0.9} if measure == "backdoor_success" else {"at_least": 0.1}
    judged = Requirement(id="X-01", measure=measure, because="", **bound).judge(seen)  # type: ignore[arg-type]
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "batch dependence" in judged.reason


@pytest.mark.parametrize("measure", ROWS)
def test_a_clean_row_declares_noise(measure: str, mnist: DataSet) -> None:
    """Noise is doubted on a clean row, and declared there by the same key; the interval then decides."""
    context = Context(loading.from_model(Noisy(network()).eval(), name="it"), mnist)
    seen = take_measurement(context, measure, bind(measure, ROWS[measure]), 0)
    assert seen.inconclusive.startswith("variation")
    declared = take_measurement(
        context, measure, bind(measure, ROWS[measure] | {"randomised": True}), 0
    )
    assert declared.inconclusive == ""
    assert not declared.complete


def test_nothing_is_proved_of_an_answer_that_depends_on_the_batch(mnist: DataSet) -> None:
    """Certificates are about one image; a network that looks at others has none."""
    context = Context(loading.from_model(Statistics(network()).eval(), name="it"), mnist)
    sample = context.sample(8, 0)
    with pytest.raises(NoCertificate, match="batch dependence"):
        certify_and_attack(context, sample.x, sample.y, Linf(0.01), crown=False, seed=0)
