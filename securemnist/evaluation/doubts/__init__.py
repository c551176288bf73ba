"""Doubts: reasons not to trust a robustness number that rests on failed attacks.

Each check is a function of a Case that returns a Doubt or None. Doubts affect neither a FAIL, where
every broken image is a witness, nor certified images. Limits were set on the tuning split, see
docs/doubts.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

import torch

from securemnist._util.random_numbers import generator
from securemnist.attacks.base import Attack
from securemnist.defences.straight_through import StraightThrough
from securemnist.errors import MeasureError
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts.batch_dependence import TOGETHER, batch_dependence
from securemnist.evaluation.doubts.binarization_test import (
    PLANTED,
    planted_examples,
    sensitivity,
)
from securemnist.evaluation.doubts.check_input import Case, SearchCase
from securemnist.evaluation.doubts.convergence import convergence
from securemnist.evaluation.doubts.endpoint_answers import endpoint_doubts
from securemnist.evaluation.doubts.gradients import gradients, gradients_after
from securemnist.evaluation.doubts.large_epsilon import large_epsilon
from securemnist.evaluation.doubts.memory import memory
from securemnist.evaluation.doubts.one_step_masking import one_step_masking
from securemnist.evaluation.doubts.other_attacks import weak_attack
from securemnist.evaluation.doubts.probabilities import probabilities
from securemnist.evaluation.doubts.rounding import explained_by_rounding
from securemnist.evaluation.doubts.variation import variation
from securemnist.models.predictions import is_wrong
from securemnist.results.evidence.attack import Sensitivity
from securemnist.results.findings import Doubt
from securemnist.threats import Linf, Threat
from securemnist.types import Images, Labels

# Number of images for checks of the model, and of survivors for checks of the search.
IMAGES, SURVIVORS = 500, 128

C = TypeVar("C", bound=Case)

# Checks by the name of their doubt. `planted examples` is separate, because its counts are reported.
MODEL_CHECKS: Mapping[str, Callable[[Case], Doubt | None]] = {
    "probabilities": probabilities,
    "gradients": gradients,
    "one-step masking": one_step_masking,
}
# Checks of the predictions, on which every number rests, under attack or not.
PREDICTION_CHECKS: Mapping[str, Callable[[Case], Doubt | None]] = {
    "variation": variation,
    "batch dependence": batch_dependence,
}
SEARCH_CHECKS: Mapping[str, Callable[[SearchCase], Doubt | None]] = {
    "large epsilon": large_epsilon,
    "weak attack": weak_attack,
    "convergence": convergence,
}


def model_doubts(
    context: Context, threat: Threat, images: int = IMAGES, *, randomised: bool = False
) -> tuple[Doubt, ...]:
    """Doubts about the model as attacks see it, on at most `images` images; cached in the context.

    A model that is declared `randomised` may vary. Of an endpoint, which has no gradients, only the
    answers are checked.
    """
    if context.subject.remote is not None:
        return prediction_doubts(context)
    count = min(images, IMAGES, len(context.data.test))

    def doubts() -> tuple[Doubt, ...]:
        pair = _classified_right(context, count)
        case = Case(context.subject, context.target, threat, *pair, limits=context.limits)
        return _run_checks(context, MODEL_CHECKS.values(), case) if len(case.y) else ()

    about_model = context.cached(("doubts about the model", threat, count), doubts)
    return prediction_doubts(context, randomised=randomised) + about_model


def prediction_doubts(context: Context, *, randomised: bool = False) -> tuple[Doubt, ...]:
    """Doubts about the predictions, right or wrong, on at most 128 images; cached in the context.

    A number that depends on the random draw or on the batch does not describe the model. A model
    that is declared `randomised` may vary, but may not depend on the batch.
    """

    def doubts() -> tuple[Doubt, ...]:
        sample = context.sample(min(TOGETHER, len(context.data.test)), 0)
        if (remote := context.subject.remote) is not None:
            return (*endpoint_doubts(remote, sample.x), *memory(remote, sample.x))
        checks = (batch_dependence,) if randomised else PREDICTION_CHECKS.values()
        case = Case(context.subject, context.target, Linf(0.0), sample.x, sample.y)
        return _run_checks(context, checks, case)

    return context.cached(("doubts about the predictions", randomised), doubts)


def search_doubts(
    context: Context,
    attacks: Sequence[Attack],
    threat: Threat,
    x: Images,
    y: Labels,
    seed: int,
    *,
    survived: float,
    last_broke: float,
    further: Sequence[Attack] = (),
) -> tuple[tuple[Doubt, ...], Sensitivity | None]:
    """Doubts about a search that images `x` with labels `y` survived; on at most 128 of them.

    The second value counts the planted examples that the attack found; None where it was not tested.

    `survived` is their share of the row's images, `last_broke` the share that the last attack
    broke. `further`: stages that followed, on straight-through gradients; planted examples are then
    searched by `attacks` through such gradients.
    """
    if threat.eps == 0:
        return (), None
    if context.subject.remote is not None:
        return _endpoint_search_doubts(context, attacks, threat, (x, y), seed, survived), None
    planted = _sensitivity(context, attacks, threat, straight_through=bool(further))
    if not len(y):
        return (), planted
    rng = generator(seed, "survivors")
    chosen = torch.randperm(len(y), generator=rng)[:SURVIVORS].to(y.device)
    case = SearchCase(
        *(context.subject, context.target, threat, x[chosen], y[chosen], seed),
        attacks=(*attacks, *further),
        pool=context.pool,
        transfer=context.data.pinned,
        limits=context.limits,
        survived=survived,
        last_broke=last_broke,
    )
    checks = (*SEARCH_CHECKS.values(), gradients_after, *context.doubts)
    first = planted_examples(planted, context.limits)
    stated = () if first is None else (_stated(context, first),)
    return (*stated, *_run_checks(context, checks, case)), planted


def hidden_by_rounding(context: Context, threat: Threat, x: Images, y: Labels) -> bool:
    """Whether rounding alone explains the doubt `gradients`: on images of the data and on survivors.

    `x` (n, C, H, W) and `y` (n,) survived a search that went through the rounding.
    """
    images = _classified_right(context, IMAGES), (x[:SURVIVORS], y[:SURVIVORS])
    model, limits = context.target, context.limits
    cases = (Case(context.subject, model, threat, *pair, limits=limits) for pair in images)
    return all(explained_by_rounding(case) for case in cases)


def _endpoint_search_doubts(
    context: Context,
    attacks: Sequence[Attack],
    threat: Threat,
    survivors: tuple[Images, Labels],
    seed: int,
    survived: float,
) -> tuple[Doubt, ...]:
    """Doubts about a search through an endpoint: those whose checks need answers only.

    Planted examples need a network around the model, and convergence would ask more queries than the
    row, whose number is part of its claim.
    """
    x, y = survivors[0][:SURVIVORS], survivors[1][:SURVIVORS]
    case = SearchCase(
        *(context.subject, context.target, threat, x, y, seed),
        attacks=tuple(attacks),
        transfer=context.data.pinned,
        survived=survived,
    )
    checks = (large_epsilon, weak_attack, *context.doubts)
    return _run_checks(context, checks, case) if len(y) else ()


def _sensitivity(
    context: Context, attacks: Sequence[Attack], threat: Threat, *, straight_through: bool
) -> Sensitivity:
    """How many planted examples the attacks find; cached in the context."""

    def measured() -> Sensitivity:
        context.progress("planted examples", 0, 1)
        x, y = _classified_right(context, 2 * PLANTED)
        model = StraightThrough(context.target) if straight_through else context.target
        return sensitivity(
            SearchCase(context.subject, model, threat, x, y, 0, tuple(attacks), context.pool)
        )

    # Settings of an attack may be lists, which no key may contain.
    key = ("sensitivity", threat, repr(tuple(attacks)), straight_through)
    return context.cached(key, measured)


def _classified_right(context: Context, most: int) -> tuple[Images, Labels]:
    """Of at most `most` test images those that the model classifies right, and their labels."""
    sample = context.sample(min(most, len(context.data.test)), 0)
    correct = ~is_wrong(context.logits(sample.x), sample.y)
    return sample.x[correct], sample.y[correct]


def _stated(context: Context, doubt: Doubt) -> Doubt:
    """The doubt; on data other than MNIST its reason says where its limits come from."""
    return dataclasses.replace(doubt, reason=context.limits.stated(doubt))


def _run_checks(
    context: Context, checks: Collection[Callable[[C], Doubt | None]], case: C
) -> tuple[Doubt, ...]:
    doubts = list[Doubt]()
    for number, check in enumerate(checks):
        name = getattr(check, "__name__", type(check).__name__)
        context.progress(name.replace("_", " "), number, len(checks))
        doubt = check(case)
        if not isinstance(doubt, Doubt | None):  # the check may be a user's own
            got = type(doubt).__name__
            raise MeasureError(f"expected a Doubt or None from the doubt {name}, got {got}; fix it")
        if doubt is not None:
            doubts.append(doubt if check in context.doubts else _stated(context, doubt))
    return tuple(doubts)
