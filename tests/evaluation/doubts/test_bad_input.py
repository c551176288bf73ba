"""Invalid rows are refused in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from securemnist.errors import PolicyError, UsageError
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from tests.error_form import one_sentence

THREATS: dict[str, dict[str, Any]] = {
    "negative eps": {"norm": "linf", "eps": -0.1},
    "eps that is no number": {"norm": "linf", "eps": float("nan")},
    "eps above 1": {"norm": "linf", "eps": 1.5},
    "unknown norm": {"norm": "l7", "eps": 0.1},
    "no eps": {"norm": "linf"},
}


@pytest.mark.parametrize("threat", THREATS.values(), ids=THREATS)
def test_invalid_threat_is_policy_error(threat: dict[str, Any]) -> None:
    """An invalid threat is a policy error of one sentence."""
    with pytest.raises(PolicyError) as caught:
        bind("robust_accuracy", {"threat": threat})
    one_sentence(caught.value)


def test_too_many_images_are_usage_error(context: Context) -> None:
    """A row that asks for more images than exist is refused before any attack."""
    row = {"threat": {"norm": "linf", "eps": 0.1}, "images": 10_001}
    with pytest.raises(UsageError) as caught:
        take_measurement(context, "robust_accuracy", bind("robust_accuracy", row), 0)
    one_sentence(caught.value)
