"""What cannot be measured is refused in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from securemnist import subjects
from securemnist.data import DataSet
from securemnist.errors import PolicyError, UsageError
from securemnist.evaluation.doubts.case import has_gradient
from securemnist.evaluation.lab import Lab
from securemnist.measures import bind, take
from tests.doubts.impostors import Rounded, Thresholded
from tests.wording import one_sentence

THREATS: dict[str, dict[str, Any]] = {
    "negative eps": {"norm": "linf", "eps": -0.1},
    "eps that is no number": {"norm": "linf", "eps": float("nan")},
    "eps above 1": {"norm": "linf", "eps": 1.5},
    "unknown norm": {"norm": "l7", "eps": 0.1},
    "no eps": {"norm": "linf"},
}


@pytest.mark.parametrize("threat", THREATS.values(), ids=THREATS)
def test_an_impossible_threat(threat: dict[str, Any]) -> None:
    """A threat that is none is a policy error of one sentence."""
    with pytest.raises(PolicyError) as caught:
        bind("robust_accuracy", {"threat": threat})
    one_sentence(caught.value)


def test_more_digits_than_there_are(lab: Lab) -> None:
    """A row that asks for more digits than exist is refused before anything is attacked."""
    row = {"threat": {"norm": "linf", "eps": 0.1}, "digits": 10_001}
    with pytest.raises(UsageError) as caught:
        take(lab, "robust_accuracy", bind("robust_accuracy", row), 0)
    one_sentence(caught.value)


@pytest.mark.parametrize(
    "use", ["PGD", "FGSM", "RFGSM", "APGD", "APGDT", "FAB", "BoundaryFAB", "NearestAPGD"]
)
def test_a_model_without_gradient(use: str, mnist: DataSet) -> None:
    """What attacks by gradients leave standing where there are none is in doubt, and told why."""
    subject = subjects.from_model(Thresholded(subjects.resolve("baseline").model), name="it")
    row = {"attack": {"use": use}, "threat": {"norm": "linf", "eps": 0.1}, "digits": 4}
    measured = take(Lab(subject, mnist), "attack_accuracy", bind("attack_accuracy", row), 0)
    (doubt,) = measured.doubts
    assert doubt.name == "gradients"
    assert "there is none at all" in doubt.reason
    assert 'use = "Square"' in doubt.advice


def test_a_model_without_gradient_is_proved(mnist: DataSet) -> None:
    """Black and white images before a certified network: the ladder proves most of its digits."""
    subject = subjects.from_model(Thresholded(subjects.resolve("certified").model), name="it")
    threat = {"norm": "linf", "eps": 0.3}
    row = {"attack": {"use": "ladder", "budget": "smoke"}, "threat": threat, "digits": 40}
    lab = Lab(subject, mnist)
    measured = take(lab, "robust_accuracy", bind("robust_accuracy", row), 0)
    proved = take(
        lab, "certified_accuracy", bind("certified_accuracy", {"threat": threat, "digits": 40}), 0
    )
    assert measured.certified == proved.value >= 0.7
    assert measured.value >= measured.certified


def test_a_gradient_of_zero_is_one(mnist: DataSet) -> None:
    """Rounding leaves a gradient, though of zero; a comparison leaves none."""
    network, x = subjects.resolve("baseline").model, mnist.test[:1].images()
    assert has_gradient(Rounded(network), x)
    assert not has_gradient(Thresholded(network), x)
    assert has_gradient(network, x)
