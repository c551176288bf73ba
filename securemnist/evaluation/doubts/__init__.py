"""Doubts: reasons not to believe a number that rests on attacks that failed.

Each is a small function of a case: a Doubt, or None. They touch neither a FAIL, where every broken
digit is a witness, nor what is proved. Limits were set on the tuning split, see docs/doubts.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from securemnist._util.hashing import seed_from
from securemnist.attacks.base import Attack
from securemnist.errors import MeasureError
from securemnist.evaluation.context import Lab
from securemnist.evaluation.doubts.batch_dependence import TOGETHER, batch_dependence
from securemnist.evaluation.doubts.binarization_test import (
    PLANTED,
    Sensitivity,
    planted_examples,
    sensitivity,
)
from securemnist.evaluation.doubts.check_input import Case, SearchCase
from securemnist.evaluation.doubts.convergence import convergence
from securemnist.evaluation.doubts.gradients import gradients
from securemnist.evaluation.doubts.large_epsilon import known_answer
from securemnist.evaluation.doubts.one_step_masking import one_step_masking
from securemnist.evaluation.doubts.other_attacks import weak_attack
from securemnist.evaluation.doubts.probabilities import probabilities
from securemnist.evaluation.doubts.variation import variation
from securemnist.models.predictions import is_wrong
from securemnist.results.findings import Doubt
from securemnist.threats import Linf, Threat
from securemnist.types import Images, Labels

# Digits that a doubt about the model looks at, and survivors that one about the search does.
DIGITS, SURVIVORS = 500, 128

C = TypeVar("C", bound=Case)

OF_MODELS: tuple[Callable[[Case], Doubt | None], ...] = (
    probabilities,
    gradients,
    one_step_masking,
)
# Doubts about the answers themselves, on which every number rests, under attack or not.
OF_ANSWERS = (variation, batch_dependence)
# All that a model which answers at random on purpose is spared.
OF_VARIETY = (variation,)
OF_SEARCHES: tuple[Callable[[SearchCase], Doubt | None], ...] = (
    known_answer,
    weak_attack,
    convergence,
)


@dataclass(frozen=True)
class Examination:
    """What was doubted, and how many planted examples the attack found (None: not asked)."""

    doubts: tuple[Doubt, ...]
    sensitivity: Sensitivity | None = None


def about_model(
    lab: Lab, threat: Threat, digits: int = DIGITS, *, randomised: bool = False
) -> Examination:
    """Doubts about what the model lets any attack see, on at most `digits` digits; once per lab.

    A model that is `randomised` by declaration may vary.
    """
    sample = lab.sample(min(digits, DIGITS, len(lab.data.test)), 0)
    key = ("doubts of the model", threat, len(sample))
    if key not in lab.memory:
        right = ~is_wrong(lab.logits(sample.x), sample.y)
        case = Case(lab.subject, lab.target, threat, sample.x[right], sample.y[right])
        more = _ask(lab, OF_MODELS, case) if len(case.y) else ()
        lab.memory[key] = Examination(about_answers(lab, randomised=randomised) + more)
    found: Examination = lab.memory[key]
    return found


def about_answers(lab: Lab, *, randomised: bool = False) -> tuple[Doubt, ...]:
    """Doubts about what the model answers, right or wrong, on at most 128 digits; once per lab.

    A clean number that depends on the draw or on the batch is not a number of the model. A model that
    is `randomised` by declaration may vary, but not with the batch.
    """
    key = ("doubts of the answers", randomised)
    if key not in lab.memory:
        sample = lab.sample(min(TOGETHER, len(lab.data.test)), 0)
        asked = tuple(q for q in OF_ANSWERS if not (randomised and q in OF_VARIETY))
        case = Case(lab.subject, lab.target, Linf(0.0), sample.x, sample.y)
        lab.memory[key] = _ask(lab, asked, case)
    found: tuple[Doubt, ...] = lab.memory[key]
    return found


def about_search(
    lab: Lab,
    attacks: Sequence[Attack],
    threat: Threat,
    x: Images,
    y: Labels,
    seed: int,
    *,
    survived: float,
    last_broke: float,
) -> Examination:
    """Doubts about a search that left digits `x`, read as `y`, standing; on 128 of them at most.

    They are the share `survived` of the row's digits; others were broken (`last_broke` of all by the
    last attack) or proved.
    """
    if threat.eps == 0:
        return Examination(())
    seen = _sensitivity(lab, attacks, threat)
    if not len(y):
        return Examination((), seen)
    rng = torch.Generator().manual_seed(seed_from(seed, "survivors"))
    chosen = torch.randperm(len(y), generator=rng)[:SURVIVORS].to(y.device)
    case = SearchCase(
        *(lab.subject, lab.target, threat, x[chosen], y[chosen], seed),
        attacks=tuple(attacks),
        survived=survived,
        last_broke=last_broke,
    )
    found = (planted_examples(seen), *_ask(lab, (*OF_SEARCHES, *lab.doubts), case))
    return Examination(tuple(doubt for doubt in found if doubt is not None), seen)


def _sensitivity(lab: Lab, attacks: Sequence[Attack], threat: Threat) -> Sensitivity:
    """What the attacks find of what is planted beside digits that are read right; once per lab."""
    key = ("sensitivity", threat, repr(tuple(attacks)))  # settings may be lists
    if key not in lab.memory:
        lab.progress("planted examples", 0, 1)
        sample = lab.sample(min(2 * PLANTED, len(lab.data.test)), 0)
        right = ~is_wrong(lab.logits(sample.x), sample.y)
        x, y = sample.x[right], sample.y[right]
        case = SearchCase(lab.subject, lab.target, threat, x, y, 0, tuple(attacks))
        lab.memory[key] = sensitivity(case)
    seen: Sensitivity = lab.memory[key]
    return seen


def _ask(lab: Lab, questions: Sequence[Callable[[C], Doubt | None]], case: C) -> tuple[Doubt, ...]:
    found = []
    for place, question in enumerate(questions):
        name = getattr(question, "__name__", type(question).__name__)
        lab.progress(name.replace("_", " "), place, len(questions))
        answer = question(case)
        if not isinstance(answer, Doubt | None):  # the function may be a user's own
            got = type(answer).__name__
            raise MeasureError(f"expected a Doubt or None from the doubt {name}, got {got}; fix it")
        found.append(answer)
    return tuple(doubt for doubt in found if doubt is not None)
