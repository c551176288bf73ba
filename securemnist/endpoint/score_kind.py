"""The kind of an endpoint's scores: how they are rounded, and whether they are probabilities."""

from __future__ import annotations

import numpy as np

from securemnist.errors import ModelError

# Probabilities sum to 1 up to the rounding of each score.
_SUM_TOLERANCE, _MOST_DECIMALS = 1e-3, 10
_LATER_TOLERANCE = 0.1  # coarse formats of numbers, as bfloat16, may be less exact in later answers


def decimals_of(scores: np.ndarray) -> int | None:
    """The fewest decimals that write all scores exactly; None for more than ten."""
    for decimals in range(_MOST_DECIMALS + 1):
        if bool((np.abs(np.round(scores, decimals) - scores) <= 1e-14 * np.abs(scores)).all()):
            return decimals
    return None


def are_probabilities(scores: np.ndarray, decimals: int | None, kind: str) -> bool:
    """Whether scores are probabilities; ModelError where the description says so and they are not.

    Percentages are refused unless the description calls them logits: a softmax of them is always sure.
    """
    rounded = _rounded(scores, decimals)
    inside = bool(((scores >= 0) & (scores <= 1)).all())
    from_one, from_100 = (np.abs(scores.sum(1) - whole) for whole in (1, 100))
    percent = bool((scores >= 0).all() and (from_100 <= 100 * _SUM_TOLERANCE + rounded).all())
    # Rounding allows both sums where classes are many and decimals few: the nearer one counts.
    already = inside and bool((from_one < from_100).all())
    if kind != "logits" and percent and not already:
        raise ModelError(
            "expected probabilities or logits from the endpoint, got percentages; let it answer "
            'probabilities, or write kind = "logits" for scores whose sum is 100 by chance'
        )
    if kind == "probabilities" and not inside:
        raise ModelError(
            'expected probabilities from the endpoint, got scores outside [0, 1]; write kind = "logits"'
        )
    sums = bool((from_one <= _SUM_TOLERANCE + rounded).all())
    return inside and sums if kind == "auto" else kind == "probabilities"


def check_probabilities(scores: np.ndarray, decimals: int | None, *, whole: bool) -> None:
    """ModelError for scores (n, K) that are no probabilities; `whole`: those of an image sum to 1.

    The probe has seen a few images only.
    """
    sums = scores.sum(1) if whole else np.ones(len(scores))
    rounded = _rounded(scores, decimals)
    inside = bool(((scores >= -_SUM_TOLERANCE) & (scores <= 1 + _SUM_TOLERANCE)).all())
    if not inside or bool((np.abs(sums - 1) > _LATER_TOLERANCE + rounded).any()):
        raise ModelError(
            "expected probabilities from the endpoint as in its first answers, got other scores; fix the "
            'endpoint, or write kind = "logits"'
        )


def _rounded(scores: np.ndarray, decimals: int | None) -> float:
    """What the sum of an image's rounded scores (n, K) may differ from 1 by."""
    return 0.0 if decimals is None else scores.shape[1] * 0.5 * 10.0**-decimals
