"""Saturated probabilities: outputs so close to 1 that their differences are rounded away."""

from __future__ import annotations

from securemnist.evaluation.doubts.check_input import Case, exceeds
from securemnist.models.probabilities import are_probabilities
from securemnist.results.findings import Doubt

LIMIT = 0.01


def probabilities(case: Case) -> Doubt | None:
    """The largest probability is exactly 1 for more than 1 % of the images."""
    logits = case.logits(case.x)
    if not are_probabilities(logits):
        return None
    saturated = int((logits.amax(1) >= 1).sum())
    if not exceeds(saturated, len(logits), LIMIT):
        return None
    return Doubt(
        name="probabilities",
        reason=f"{saturated} of {len(logits)} images have a probability of exactly 1, which has no "
        "gradient",
        advice="Assess the network before its softmax: let the factory return logits.",
    )
