"""Each impostor raises its doubt, and no honest network raises any."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from torch import nn

from securemnist._util import resources
from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import MODEL_CHECKS, PREDICTION_CHECKS, SEARCH_CHECKS
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.results.findings import Measurement, Requirement, Verdict
from securemnist.threats import Linf
from tests.attacks.models import misclassified, run
from tests.evaluation.doubts import networks
from tests.evaluation.doubts.impostors import (
    ATTACKS,
    IMPOSTORS,
    Around,
    Reversed,
    Sharpened,
    Thresholded,
)

IMAGES = 48
DOUBTS = (*MODEL_CHECKS, *PREDICTION_CHECKS, *SEARCH_CHECKS, "planted examples")


def measured(
    model: nn.Module | str, mnist: DataSet, eps: float, attack: str, images: int = IMAGES
) -> Measurement:
    """Robust accuracy of a model under one attack, on a few images."""
    resolve = loading.resolve
    subject = resolve(model) if isinstance(model, str) else loading.from_model(model, name="it")
    row = {
        "attack": ATTACKS[attack],
        "threat": {"norm": "linf", "eps": eps},
        "images": images,
    }
    return take_measurement(
        Context(subject, mnist), "robust_accuracy", bind("robust_accuracy", row), 0
    )


@pytest.mark.parametrize("kind", IMPOSTORS, ids=lambda kind: kind.__name__)
def test_impostors_are_inconclusive(kind: type[Around], honest: nn.Module, mnist: DataSet) -> None:
    """An impostor is INCONCLUSIVE by the doubt about its method."""
    doubt, attack = IMPOSTORS[kind]
    measurement = measured(kind(honest), mnist, 0.15, attack)
    raised = {found.name: found for found in measurement.doubts}
    assert doubt in raised
    assert raised[doubt].advice.endswith(".")
    low = Requirement(id="X-01", measure="robust_accuracy", because="", at_least=0.01)
    assert low.judge(measurement).verdict is Verdict.INCONCLUSIVE
    assert doubt in low.judge(measurement).reason


def test_large_epsilon_doubt(mnist: DataSet) -> None:
    """Steps that reach the row's eps, but not the large one with grey in the ball, are doubted."""
    row = {
        "attack": {"use": "PGD", "steps": 2, "step_size": 0.01},
        "threat": {"norm": "linf", "eps": 0.02},
        "images": 6,
    }
    context = Context(loading.resolve("hardened"), mnist)
    measurement = take_measurement(context, "robust_accuracy", bind("robust_accuracy", row), 0)
    assert "large epsilon" in {found.name for found in measurement.doubts}


def test_distillation_is_doubted(mnist: DataSet) -> None:
    """A distilled network is doubted, with logits as they are or times a thousand."""
    distilled = networks.distilled(mnist, 0, networks.few_channels)
    for model in (distilled, Sharpened(distilled)):
        measurement = measured(model.eval(), mnist, 0.15, "PGD")
        assert measurement.value > 0.5
        assert "weak attack" in {found.name for found in measurement.doubts}


def test_one_step_masking_doubt(mnist: DataSet) -> None:
    """A network robust to FGSM only raises the doubt one-step masking."""
    model = Reversed(networks.plain(mnist, 1, networks.few_channels)).eval()
    subject, threat = loading.from_model(model, name="it"), {"norm": "linf", "eps": 0.3}
    row = {"attack": {"use": "FGSM"}, "threat": threat, "images": 100}
    measurement = take_measurement(
        Context(subject, mnist), "attack_accuracy", bind("attack_accuracy", row), 0
    )
    assert measurement.value > 0.7
    assert "one-step masking" in {found.name for found in measurement.doubts}
    x, y = mnist.test[:50].images(), mnist.test[:50].labels
    x_adv = run(PGD(steps=10), model, x, y, Linf(0.3))
    assert misclassified(model, x_adv, y).float().mean() > 0.7


def test_two_layers_with_dropout_raise_no_doubt(mnist: DataSet) -> None:
    """An undefended network with a dropout layer, which does nothing in eval mode, is not doubted."""
    dropping = nn.Sequential(nn.Dropout(), networks.plain(mnist, 0, networks.two_layers)).eval()
    measurement = measured(dropping, mnist, 0.03, "PGD")
    assert measurement.value > 0.5
    assert measurement.doubts == ()


@pytest.mark.parametrize(("model", "eps"), [("baseline", 0.1), ("hardened", 0.3)])
def test_reference_models_raise_no_doubt(model: str, eps: float, mnist: DataSet) -> None:
    """No reference model is doubted, trained on PGD examples or not, and planted ones are found."""
    measurement = measured(model, mnist, eps, "PGD", images=8)
    assert measurement.value > 0.5
    assert measurement.doubts == ()
    planted = measurement.evidence.sensitivity
    assert planted.found >= 0.95 * planted.planted > 55


def test_convergence_doubts_unfinished_queries(mnist: DataSet) -> None:
    """A network trained on L-infinity bounds misleads gradients within L2; more queries break more."""
    row = {
        "attack": {"use": "Square", "queries": 150},
        "threat": {"norm": "l2", "eps": 2.0},
        "images": 24,
    }
    context = Context(loading.resolve("certified"), mnist)
    measurement = take_measurement(context, "robust_accuracy", bind("robust_accuracy", row), 0)
    doubt = next(found for found in measurement.doubts if found.name == "convergence")
    assert "Square-300 with 1 new seed" in doubt.reason


@pytest.fixture(scope="module")
def thresholded(mnist: DataSet) -> Context:
    """A model without gradients, whose own doubts are found once."""
    return Context(
        loading.from_model(Thresholded(loading.resolve("baseline").model), name="it"), mnist
    )


@pytest.mark.parametrize("use", ["FGSM", "APGDT", "FAB"])
def test_model_without_gradient_is_inconclusive(use: str, thresholded: Context) -> None:
    """Survivors of gradient attacks on a model without gradients are in doubt, with the reason."""
    row = {"attack": {"use": use}, "threat": {"norm": "linf", "eps": 0.1}, "images": 4}
    measured = take_measurement(thresholded, "attack_accuracy", bind("attack_accuracy", row), 0)
    (doubt,) = measured.doubts
    assert doubt.name == "gradients"
    assert 'use = "Square"' in doubt.advice


def test_model_without_gradient_is_certified(mnist: DataSet) -> None:
    """The ladder certifies most images of a certified network behind a threshold."""
    subject = loading.from_model(Thresholded(loading.resolve("certified").model), name="it")
    threat = {"norm": "linf", "eps": 0.3}
    row = {"attack": {"use": "ladder", "budget": "smoke"}, "threat": threat, "images": 12}
    context = Context(subject, mnist)
    measured = take_measurement(context, "robust_accuracy", bind("robust_accuracy", row), 0)
    proved = take_measurement(
        context,
        "certified_accuracy",
        bind("certified_accuracy", {"threat": threat, "images": 12}),
        0,
    )
    assert measured.certified == proved.value >= 0.7
    assert measured.value >= measured.certified


@pytest.mark.parametrize("name", DOUBTS)
def test_every_doubt_is_documented_and_tested(name: str) -> None:
    """A doubt that is added has a row in docs/doubts.md, and a test here that demands it by its name."""
    assert re.search(rf"^\| {name} \|", (resources.ROOT / "docs" / "doubts.md").read_text(), re.M)
    tests = (path.read_text() for path in Path(__file__).parents[1].rglob("*.py"))
    assert any(f'"{name}"' in text for text in tests)
