"""Candidates outside the threat: an error for our attacks, a count for a library's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import pytest
import torch

from securemnist.attacks.base import Attack
from securemnist.errors import Inconclusive, MeasureError
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladder import evaluate
from securemnist.threats import Linf
from tests.error_form import one_sentence
from tests.stubs import GreyAttack

Images = torch.Tensor


@final
@dataclass(frozen=True, kw_only=True)
class Foreign(Attack):
    """A library's attack: as `GreyAttack`, but its candidates may leave the budget."""

    share: float = 1.0
    keeps_budget: ClassVar[bool] = False

    def propose(self, model: Any, x: Images, y: Any, **_: Any) -> Images:
        return GreyAttack(grey=0.5, share=self.share).propose(model, x, y)

    def passes(self) -> float:
        return 0


@final
@dataclass(frozen=True, kw_only=True)
class Shapeless(Attack):
    """Proposes flat images."""

    def propose(self, model: Any, x: Images, y: Any, **_: Any) -> Images:
        return x.flatten(1)

    def passes(self) -> float:
        return 0


def test_own_attack_over_budget_is_an_error(context: Context) -> None:
    """One candidate of our attacks outside the threat is a MeasureError: a bug of ours."""
    sample = context.sample(50, 0)
    with pytest.raises(MeasureError, match="got 1 outside") as caught:
        evaluate(context, sample, [GreyAttack(grey=0.5, share=1 / 50)], Linf(0.1), 0)
    one_sentence(caught.value)
    with pytest.raises(MeasureError, match="fix the attack"):
        evaluate(context, sample, [Shapeless()], Linf(0.1), 0)


def test_library_candidates_over_budget_are_counted(context: Context) -> None:
    """A library's candidates outside the threat do not count as adversarial; their number is reported."""
    sample = context.sample(50, 0)
    outcomes = evaluate(context, sample, [Foreign(share=0.4)], Linf(0.1), 0).outcomes
    (fall,) = outcomes.waterfall
    assert fall.entered - fall.over_budget == fall.entered - round(0.4 * fall.entered)
    assert fall.fell == 0
    assert outcomes.unbroken == fall.entered


def test_no_valid_candidate_is_inconclusive(context: Context) -> None:
    """If every candidate is outside the threat, the evaluation is inconclusive, not survived."""
    with pytest.raises(Inconclusive, match="gave no valid proposal") as caught:
        evaluate(context, context.sample(50, 0), [Foreign()], Linf(0.1), 0)
    one_sentence(caught.value)
