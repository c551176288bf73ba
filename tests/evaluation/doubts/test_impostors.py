"""Every impostor is doubted by the right doubt, and no honest network is doubted at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

from securemnist._util import resources
from securemnist.data import DataSet
from securemnist.evaluation.context import Lab
from securemnist.evaluation.doubts import OF_ANSWERS, OF_MODELS, OF_SEARCHES
from securemnist.evaluation.doubts.binarization_test import planted_examples
from securemnist.measures import bind, take
from securemnist.models import loading
from securemnist.results.findings import Measurement, Requirement, Verdict
from tests.evaluation.doubts import networks
from tests.evaluation.doubts.impostors import ATTACKS, IMPOSTORS, Around, Sharpened, Thresholded

DIGITS = 48


Make = Callable[[DataSet], nn.Module]
HONEST: dict[str, tuple[Make, float]] = {
    "two layers": (lambda mnist: networks.plain(mnist, 0, networks.two_layers), 0.03),
    "PGD-trained at .1": (
        lambda mnist: networks.hardened(mnist, 0, 0.1, networks.few_channels),
        0.1,
    ),
    "PGD-trained at .2": (
        lambda mnist: networks.hardened(mnist, 0, 0.2, networks.few_channels),
        0.2,
    ),
}

ASKED = (*OF_MODELS, *OF_ANSWERS, *OF_SEARCHES, planted_examples)


@pytest.fixture(scope="session")
def honest(mnist: DataSet) -> nn.Module:
    """What impostors are built around."""
    return networks.plain(mnist, 0)


def measured(model: nn.Module | str, mnist: DataSet, eps: float, attack: str) -> Measurement:
    """The robust accuracy of a model under one attack, on a few digits."""
    resolve = loading.resolve
    subject = resolve(model) if isinstance(model, str) else loading.from_model(model, name="it")
    row = {
        "attack": ATTACKS[attack],
        "threat": {"norm": "linf", "eps": eps},
        "digits": DIGITS,
    }
    return take(Lab(subject, mnist), "robust_accuracy", bind("robust_accuracy", row), 0)


@pytest.mark.parametrize("kind", IMPOSTORS, ids=lambda kind: kind.__name__)
def test_an_impostor_is_doubted(kind: type[Around], honest: nn.Module, mnist: DataSet) -> None:
    """A network that only looks robust is INCONCLUSIVE, by the doubt that knows its trick."""
    doubt, attack = IMPOSTORS[kind]
    seen = measured(kind(honest), mnist, 0.15, attack)
    raised = {found.name: found for found in seen.doubts}
    assert doubt in raised
    assert raised[doubt].advice.endswith(".")
    low = Requirement(id="X-01", measure="robust_accuracy", because="", at_least=0.01)
    assert low.judge(seen).verdict is Verdict.INCONCLUSIVE
    assert doubt in low.judge(seen).reason


def test_a_search_that_gets_nowhere_is_doubted(mnist: DataSet) -> None:
    """Steps that reach the row's eps and not the large one, at which grey is in the ball."""
    row = {
        "attack": {"use": "PGD", "steps": 2, "step_size": 0.01},
        "threat": {"norm": "linf", "eps": 0.02},
        "digits": DIGITS,
    }
    lab = Lab(loading.resolve("hardened"), mnist)
    seen = take(lab, "robust_accuracy", bind("robust_accuracy", row), 0)
    assert "known answer" in {found.name for found in seen.doubts}


def test_a_distilled_network_is_doubted(mnist: DataSet) -> None:
    """Distilled at a high temperature, with its logits as they are or a thousand times as large."""
    distilled = networks.distilled(mnist, 0)
    for model in (distilled, Sharpened(distilled)):
        seen = measured(model.eval(), mnist, 0.15, "PGD")
        assert seen.value > 0.5
        assert "weak attack" in {found.name for found in seen.doubts}


def test_an_overfitted_network_is_doubted(mnist: DataSet) -> None:
    """Robust to one step, for which it was trained, and to no other: one-step masking."""
    overfitted = networks.overfitted(mnist, 2, networks.few_channels, epochs=8)
    subject = loading.from_model(overfitted, name="it")
    threat = {"norm": "linf", "eps": networks.OVERFITTED}
    row = {"attack": {"use": "FGSM"}, "threat": threat, "digits": 150}
    seen = take(Lab(subject, mnist), "attack_accuracy", bind("attack_accuracy", row), 0)
    assert seen.value > 0.7
    assert "one-step masking" in {found.name for found in seen.doubts}
    search = {"attack": {"use": "PGD", "steps": 10}, "threat": threat, "digits": 50}
    fallen = take(Lab(subject, mnist), "robust_accuracy", bind("robust_accuracy", search), 0)
    assert fallen.value < 0.3


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_small_network_is_not_doubted(name: str, mnist: DataSet) -> None:
    """Neither two plain layers nor training on PGD examples is a reason to doubt."""
    make, eps = HONEST[name]
    seen = measured(make(mnist), mnist, eps, "PGD")
    assert seen.value > 0.5
    assert seen.doubts == ()


@pytest.mark.parametrize(
    ("model", "eps"),
    [("baseline", 0.1), ("network_c", 0.1), ("network_d", 0.1), ("hardened", 0.3)],
)
def test_an_honest_network_is_not_doubted(model: str, eps: float, mnist: DataSet) -> None:
    """No doubt falls on the reference models, dropout layers in eval mode included."""
    seen = measured(model, mnist, eps, "PGD")
    assert seen.value > 0.5
    assert seen.doubts == ()
    planted = seen.evidence["sensitivity"]
    assert planted["found"] >= 0.95 * planted["planted"] > 55


def test_queries_that_still_find_are_doubted(mnist: DataSet) -> None:
    """Trained on L-infinity bounds, a network misleads gradients within L2; queries have not ended."""
    row = {
        "attack": {"use": "Square", "queries": 300},
        "threat": {"norm": "l2", "eps": 1.5},
        "digits": DIGITS,
    }
    lab = Lab(loading.resolve("certified"), mnist)
    seen = take(lab, "robust_accuracy", bind("robust_accuracy", row), 0)
    doubt = next(found for found in seen.doubts if found.name == "convergence")
    assert "Square-600 with 1 new seed" in doubt.reason


@pytest.mark.parametrize(
    "use", ["PGD", "FGSM", "RFGSM", "APGD", "APGDT", "FAB", "BoundaryFAB", "NearestAPGD"]
)
def test_a_model_without_gradient(use: str, mnist: DataSet) -> None:
    """What attacks by gradients leave standing where there are none is in doubt, and told why."""
    subject = loading.from_model(Thresholded(loading.resolve("baseline").model), name="it")
    row = {"attack": {"use": use}, "threat": {"norm": "linf", "eps": 0.1}, "digits": 4}
    measured = take(Lab(subject, mnist), "attack_accuracy", bind("attack_accuracy", row), 0)
    (doubt,) = measured.doubts
    assert doubt.name == "gradients"
    assert 'use = "Square"' in doubt.advice


def test_a_model_without_gradient_is_proved(mnist: DataSet) -> None:
    """Black and white images before a certified network: the ladder proves most of its digits."""
    subject = loading.from_model(Thresholded(loading.resolve("certified").model), name="it")
    threat = {"norm": "linf", "eps": 0.3}
    row = {"attack": {"use": "ladder", "budget": "smoke"}, "threat": threat, "digits": 40}
    lab = Lab(subject, mnist)
    measured = take(lab, "robust_accuracy", bind("robust_accuracy", row), 0)
    proved = take(
        lab, "certified_accuracy", bind("certified_accuracy", {"threat": threat, "digits": 40}), 0
    )
    assert measured.certified == proved.value >= 0.7
    assert measured.value >= measured.certified


@pytest.mark.parametrize("question", ASKED, ids=lambda question: question.__name__)
def test_every_doubt_is_documented_and_tested(question: Callable[..., object]) -> None:
    """A doubt that is added has a row in docs/doubts.md, and a test here that demands it by its name."""
    name = question.__name__.replace("_", "[ -]")
    assert re.search(rf"^\| {name} \|", (resources.ROOT / "docs" / "doubts.md").read_text(), re.M)
    tests = (path.read_text() for path in Path(__file__).parents[1].rglob("*.py"))
    assert any(re.search(f'"{name}"', text) for text in tests)
