"""Probabilities instead of logits, so close to 1 that their differences are rounded away."""

from __future__ import annotations

from securemnist.evaluation.doubts.check_input import Case, exceeds
from securemnist.evaluation.probabilities import are_probabilities
from securemnist.results.findings import Doubt

LIMIT = 0.01


def probabilities(case: Case) -> Doubt | None:
    """More than 1 % of the digits are answered by a probability of exactly 1."""
    logits = case.logits(case.x)
    if not are_probabilities(logits):
        return None
    saturated = int((logits.amax(1) >= 1).sum())
    if not exceeds(saturated, len(logits), LIMIT):
        return None
    return Doubt(
        name="probabilities",
        reason=f"{saturated} of {len(logits)} digits are answered by a probability of exactly 1, from "
        "which no attack can tell where to go",
        advice="Assess the network before its softmax: let the factory return logits.",
    )
