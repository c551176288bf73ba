"""Backdoor success: how often a trigger steers the answer to the adversary's target.

The target is a function of the class; what counts is defined in `evaluation.backdoor`. The bound of
the raw rate decides; what clean networks do under the same mark is shown beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from securemnist.backdoor import Trigger, make_trigger
from securemnist.backdoor.success_rate import Aim, Answers, Success, aims, unseen
from securemnist.errors import Inconclusive, UsageError
from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.outcomes import confusion
from securemnist.evaluation.pace import Pace
from securemnist.evaluation.thumbnails import choose_for_gallery, thumbnail
from securemnist.measures.base import AnswerSettings, Measure, unreliable_reason
from securemnist.models import loading
from securemnist.results.findings import Measurement
from securemnist.results.per_image import encode
from securemnist.types import CLASSES, Logits

# Reference models whose training digits nobody has touched: the trigger's effect on those is no backdoor.
CLEAN_REFERENCES = ("baseline", "hardened", "network_c", "network_d")
CONTROL_DIGITS = 500


class BackdoorSettings(AnswerSettings):
    """`trigger`: {kind, settings}; `target`: a class, "all", "next" or "pair".

    "all" is the worst of all ten targets, "next" is class + 1, "pair" the worst of the ninety pairs of
    a class and another one.
    """

    trigger: dict[str, Any]
    target: Annotated[int, Field(ge=0, lt=CLASSES)] | Literal["all", "next", "pair"]

    @field_validator("trigger")
    @classmethod
    def _known_trigger(cls, trigger: dict[str, Any]) -> dict[str, Any]:
        try:
            make_trigger(trigger)
        except UsageError as error:
            raise ValueError(str(error)) from error
        return trigger


def backdoor_success(context: Context, settings: BackdoorSettings, seed: int) -> Measurement:
    """Share of digits that the trigger steers to the target; the bound of its interval decides.

    Beside it stand the control, the mean over clean reference models, and the lift over that.
    """
    trigger = make_trigger(settings.trigger)
    sample = context.sample(settings.digits, seed)
    # The clean answers of all digits are the same for every row, and kept.
    clean_logits = (context.test_logits if sample.complete else context.logits(sample.x)).cpu()
    stamped = trigger(sample.x)
    triggered = context.logits(stamped).cpu()
    answers = Answers.of(sample.y.cpu(), clean_logits, triggered)
    target_maps = aims(settings.target)
    results = [answers.success(target_map) for target_map in target_maps]
    countable = [k for k, result in enumerate(results) if not result.complaint]
    reason = _first_reason(target_maps, results)
    if not countable:
        raise Inconclusive(reason)
    worst = max(countable, key=lambda k: (results[k].rate, -k))
    # Of several targets the worst is reported: together their intervals cover it (Bonferroni).
    bounds = [results[k].interval(1 - 0.05 / len(results)) for k in countable]
    evidence = {
        "trigger": trigger.to_json(),
        "answers": {
            **sample.answers(answers.clean),
            "triggered": encode(answers.triggered.tolist()),
        },
        "per_class_asr": _per_class(answers, target_maps, results, worst),
        "confusion": confusion(answers.labels, answers.triggered),
        "clean_confusion": confusion(answers.labels, answers.clean),
        "triggered_gallery": _gallery(
            sample, trigger, answers, results[worst], clean_logits, triggered
        ),
    }
    evidence |= _target_evidence(settings, answers, target_maps, results, worst)
    evidence |= _control(context, trigger, target_maps[worst], results[worst].rate, seed)
    return Measurement(
        value=results[worst].rate,
        low=max(low for low, _ in bounds),
        high=max(high for _, high in bounds),
        n=results[worst].n,
        complete=False,  # the upper bound decides, on all digits, too
        seconds=0.0,
        seed=seed,
        inconclusive=unseen(sample.x, stamped) or reason or unreliable_reason(context, settings),
        evidence=evidence,
    )


def _first_reason(target_maps: Sequence[Aim], results: Sequence[Success]) -> str:
    """Why one of the aims cannot be told, named where there are several; empty where all can."""
    for target_map, result in zip(target_maps, results, strict=True):
        if result.complaint:
            return f"{target_map.name}: {result.complaint}" if target_maps[1:] else result.complaint
    return ""


def _per_class(
    answers: Answers, target_maps: Sequence[Aim], results: Sequence[Success], worst: int
) -> list[float | None]:
    """By true class: what the worst target does to it; of pairs, the worst one that begins there."""
    if target_maps[worst].source is None:
        return results[worst].per_class(answers.labels)
    rates: list[float | None] = [None] * CLASSES
    for target_map, result in zip(target_maps, results, strict=True):
        if target_map.source is not None and not result.complaint:
            rates[target_map.source] = max(rates[target_map.source] or 0.0, result.rate)
    return rates


def _target_evidence(
    settings: BackdoorSettings,
    answers: Answers,
    target_maps: Sequence[Aim],
    results: Sequence[Success],
    worst: int,
) -> dict[str, Any]:
    """Which target, how all of them fared, and the number that is often taken for a success rate."""
    target_map = target_maps[worst]
    if target_map.target is None:
        return {"target": target_map.name}
    if target_map.source is not None:
        return {"source": target_map.source, "target": target_map.target}
    evidence: dict[str, Any] = {"target": target_map.target}
    if settings.target == "all":
        evidence["per_target_asr"] = [result.rate if result.n else None for result in results]
    of_target = answers.labels == target_map.target
    if of_target.any():
        # High on every good model, backdoored or not: its digits are of the target class.
        accuracy = (answers.triggered[of_target] == target_map.target).float().mean()
        evidence["target_class_accuracy_with_trigger"] = round(float(accuracy), 4)
    return evidence


def _control(
    context: Context, trigger: Trigger, target_map: Aim, rate: float, seed: int
) -> dict[str, Any]:
    """The same rate on clean reference models; nothing on data that they were not trained on."""
    if not context.data.pinned:
        return {}
    digits = context.data.test[
        context.sample(min(CONTROL_DIGITS, len(context.data.test)), seed).places
    ]
    x, own_digest = digits.images(), context.subject.digest
    rates: dict[str, float] = {}
    for name in CLEAN_REFERENCES:
        if name not in loading.reference_names():
            continue
        reference = loading.resolve(name)
        if reference.digest == own_digest:
            continue  # a model is no control of itself
        other = Context(reference, context.data)
        answers = Answers.of(digits.labels, other.logits(x), other.logits(trigger(x)))
        rates[name] = answers.success(target_map).rate
    if not rates:
        return {}
    control = sum(rates.values()) / len(rates)
    return {"control": control, "control_models": rates, "lift": rate - control}


def _gallery(
    sample: Sample,
    trigger: Trigger,
    answers: Answers,
    result: Success,
    clean: Logits,
    triggered: Logits,
) -> list[dict[str, Any]]:
    """Digits that were steered; where none was, digits that might have been."""
    before, after = (logits.softmax(1).amax(1) for logits in (clean, triggered))
    candidates = result.hit if result.hit.any() else result.counted
    return [
        thumbnail(
            index=int(sample.places[place]),
            label=int(answers.labels[place]),
            clean_prediction=int(answers.clean[place]),
            prediction=int(answers.triggered[place]),
            clean_confidence=float(before[place]),
            confidence=float(after[place]),
            clean=sample.x[place],
            changed=trigger(sample.x[place : place + 1])[0],
        )
        for place in choose_for_gallery(candidates, answers.labels)
    ]


def _estimate(settings: BackdoorSettings, pace: Pace) -> float:
    # Forward passes only: the digits twice, and the control's digits twice on each reference.
    controls = len(CLEAN_REFERENCES) * CONTROL_DIGITS
    return 2 * (settings.expected_digits + controls) * pace.seconds / 2


BACKDOOR_SUCCESS = Measure(
    backdoor_success,
    BackdoorSettings,
    "backdoor",
    _estimate,
    good="at_most",
    limits=(0.0, 1.0),
)
