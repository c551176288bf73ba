"""Probabilities instead of logits, so close to 1 that their differences are rounded away."""

from __future__ import annotations

from securemnist.evaluation.doubts.check_input import Case, exceeds
from securemnist.models.probabilities import are_probabilities
from securemnist.results.findings import Doubt

LIMIT = 0.01


def probabilities(case: Case) -> Doubt | None:
    """More than 1 % of the digits are answered by a probability of exactly 1."""
    answers = case.answers(case.x)
    if not are_probabilities(answers):
        return None
    saturated = int((answers.amax(1) >= 1).sum())
    if not exceeds(saturated, len(answers), LIMIT):
        return None
    return Doubt(
        name="probabilities",
        reason=f"{saturated} of {len(answers)} digits are answered by a probability of exactly 1, from "
        "which no attack can tell where to go",
        advice="Assess the network before its softmax: let the factory return logits.",
    )
