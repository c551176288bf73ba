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
from securemnist.evaluation.context import Lab, Sample
from securemnist.evaluation.outcomes import confusion
from securemnist.evaluation.pace import Pace
from securemnist.evaluation.thumbnails import choose, picture
from securemnist.measures.base import AnswerSettings, Measure, unreliable
from securemnist.models import loading
from securemnist.results.families import BACKDOOR
from securemnist.results.findings import Measurement
from securemnist.results.per_image import encode
from securemnist.types import CLASSES, Logits

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


def backdoor_success(lab: Lab, settings: BackdoorSettings, seed: int) -> Measurement:
    """Share of digits that the trigger steers to the target; the bound of its interval decides.

    Beside it stand the control, the mean over clean reference models, and the lift over that.
    """
    trigger = make_trigger(settings.trigger)
    sample = lab.sample(settings.digits, seed)
    # The clean answers of all digits are the same for every row, and kept.
    clean = (lab.test_logits if sample.complete else lab.logits(sample.x)).cpu()
    marked = trigger(sample.x)
    triggered = lab.logits(marked).cpu()
    answers = Answers.of(sample.y.cpu(), clean, triggered)
    tried = aims(settings.target)
    found = [answers.success(aim) for aim in tried]
    told = [k for k, seen in enumerate(found) if not seen.complaint]
    complaint = _first_complaint(tried, found)
    if not told:
        raise Inconclusive(complaint)
    worst = max(told, key=lambda k: (found[k].rate, -k))
    # Of several targets the worst is reported: together their intervals cover it (Bonferroni).
    bounds = [found[k].interval(1 - 0.05 / len(found)) for k in told]
    evidence = {
        "trigger": trigger.to_json(),
        "answers": {
            **sample.answers(answers.clean),
            "triggered": encode(answers.triggered.tolist()),
        },
        "per_class_asr": _per_class(answers, tried, found, worst),
        "confusion": confusion(answers.labels, answers.triggered),
        "clean_confusion": confusion(answers.labels, answers.clean),
        "triggered_gallery": _gallery(sample, trigger, answers, found[worst], clean, triggered),
    }
    evidence |= _target_evidence(settings, answers, tried, found, worst)
    evidence |= _control(lab, trigger, tried[worst], found[worst].rate, seed)
    return Measurement(
        value=found[worst].rate,
        low=max(low for low, _ in bounds),
        high=max(high for _, high in bounds),
        n=found[worst].n,
        complete=False,  # the upper bound decides, on all digits, too
        seconds=0.0,
        seed=seed,
        inconclusive=unseen(sample.x, marked) or complaint or unreliable(lab, settings),
        evidence=evidence,
    )


def _first_complaint(tried: Sequence[Aim], found: Sequence[Success]) -> str:
    """Why one of the aims cannot be told, named where there are several; empty where all can."""
    for aim, seen in zip(tried, found, strict=True):
        if seen.complaint:
            return f"{aim.name}: {seen.complaint}" if tried[1:] else seen.complaint
    return ""


def _per_class(
    answers: Answers, tried: Sequence[Aim], found: Sequence[Success], worst: int
) -> list[float | None]:
    """By true class: what the worst target does to it; of pairs, the worst one that begins there."""
    if tried[worst].source is None:
        return found[worst].per_class(answers.labels)
    rates: list[float | None] = [None] * CLASSES
    for aim, seen in zip(tried, found, strict=True):
        if aim.source is not None and not seen.complaint:
            rates[aim.source] = max(rates[aim.source] or 0.0, seen.rate)
    return rates


def _target_evidence(
    settings: BackdoorSettings,
    answers: Answers,
    tried: Sequence[Aim],
    found: Sequence[Success],
    worst: int,
) -> dict[str, Any]:
    """Which target, how all of them fared, and the number that is often taken for a success rate."""
    aim = tried[worst]
    if aim.target is None:
        return {"target": aim.name}
    if aim.source is not None:
        return {"source": aim.source, "target": aim.target}
    more: dict[str, Any] = {"target": aim.target}
    if settings.target == "all":
        more["per_target_asr"] = [seen.rate if seen.n else None for seen in found]
    own = answers.labels == aim.target
    if own.any():
        # High on every good model, backdoored or not: its digits are of the target class.
        right = (answers.triggered[own] == aim.target).float().mean()
        more["target_class_accuracy_with_trigger"] = round(float(right), 4)
    return more


def _control(lab: Lab, trigger: Trigger, aim: Aim, rate: float, seed: int) -> dict[str, Any]:
    """The same rate on clean reference models; nothing on data that they were not trained on."""
    if not lab.data.pinned:
        return {}
    digits = lab.data.test[lab.sample(min(CONTROL_DIGITS, len(lab.data.test)), seed).places]
    x, own = digits.images(), lab.subject.digest
    rates: dict[str, float] = {}
    for name in loading.with_role("clean"):
        reference = loading.resolve(name)
        if reference.digest == own:
            continue  # a model is no control of itself
        other = Lab(reference, lab.data)
        answers = Answers.of(digits.labels, other.logits(x), other.logits(trigger(x)))
        rates[name] = answers.success(aim).rate
    if not rates:
        return {}
    control = sum(rates.values()) / len(rates)
    return {"control": control, "control_models": rates, "lift": rate - control}


def _gallery(
    sample: Sample,
    trigger: Trigger,
    answers: Answers,
    seen: Success,
    clean: Logits,
    triggered: Logits,
) -> list[dict[str, Any]]:
    """Digits that were steered; where none was, digits that might have been."""
    before, after = (logits.softmax(1).amax(1) for logits in (clean, triggered))
    shown = seen.hit if seen.hit.any() else seen.counted
    return [
        picture(
            index=int(sample.places[place]),
            label=int(answers.labels[place]),
            clean_prediction=int(answers.clean[place]),
            prediction=int(answers.triggered[place]),
            clean_confidence=float(before[place]),
            confidence=float(after[place]),
            clean=sample.x[place],
            changed=trigger(sample.x[place : place + 1])[0],
        )
        for place in choose(shown, answers.labels)
    ]


def _estimate(settings: BackdoorSettings, pace: Pace) -> float:
    # Forward passes only: the digits twice, and the control's digits twice on each reference.
    controls = len(loading.with_role("clean")) * CONTROL_DIGITS
    return 2 * (settings.expected_digits + controls) * pace.seconds / 2


BACKDOOR_SUCCESS = Measure(
    backdoor_success,
    BackdoorSettings,
    BACKDOOR,
    _estimate,
    good="at_most",
    limits=(0.0, 1.0),
)
