"""Backdoor success rate: how often a trigger changes the prediction to the adversary's target.

The upper bound of the raw rate decides. The rate of clean reference models is shown beside it as a
control. `backdoor.success_rate` defines which images count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from securemnist.backdoor import Trigger, make_trigger
from securemnist.backdoor.success_rate import (
    Predictions,
    Success,
    TargetMap,
    invisible_reason,
    target_maps,
)
from securemnist.errors import Inconclusive
from securemnist.evaluation.context import Context
from securemnist.evaluation.pace import Pace
from securemnist.input_spec import MOST_CLASSES, TARGET_WORDS
from securemnist.measures.base import (
    AnswerSettings,
    bad_share,
    interval_measurement,
    made_by,
    unreliable_reason,
)
from securemnist.measures.triggered_gallery import of_trigger
from securemnist.models import loading
from securemnist.results.evidence.answers import BackdoorEvidence
from securemnist.results.families import BACKDOOR
from securemnist.results.findings import Measurement
from securemnist.types import Images, Logits

CONTROL_IMAGES = 500


class BackdoorSettings(AnswerSettings):
    """`trigger`: {kind, settings}; `target`: a class by number or name, "all", "next" or "pair".

    "all" is the worst target, and "next" is class + 1. "pair" is the worst pair of a source class and
    a target class.
    """

    trigger: Annotated[dict[str, Any], made_by(make_trigger)]
    target: (
        Annotated[int, Field(ge=0, lt=MOST_CLASSES)]
        | Annotated[str, Field(min_length=1, max_length=100)]
    )


def backdoor_success(context: Context, settings: BackdoorSettings, seed: int) -> Measurement:
    """Share of images whose prediction the trigger changes to the target.

    On MNIST evidence holds the control, the mean rate over clean reference models, and the lift over it.
    """
    trigger = make_trigger(settings.trigger)
    sample = context.sample(settings.images, seed)
    # Clean logits of the whole test set are cached, because every row needs them.
    clean_logits = (
        context.clean_logits(sample) if sample.complete else context.logits(sample.x).cpu()
    )
    stamped = trigger(sample.x)
    triggered = context.logits(stamped).cpu()
    predictions = Predictions.of(sample.y.cpu(), clean_logits, triggered)
    maps = _maps(context, settings.target, clean_logits.shape[1])
    results = [predictions.success(target_map) for target_map in maps]
    countable = [result for result in results if not result.undecided_reason]
    reason = _first_undecided_reason(results)
    if not countable:
        raise Inconclusive(reason)
    # Of equal rates the one on the fewest images: its bound is the highest.
    worst = max(countable, key=lambda result: (result.rate, -result.n))
    # The worst of several targets is reported: their joint intervals cover it (Bonferroni).
    bounds = [result.interval(1 - 0.05 / len(results)) for result in countable]
    evidence = BackdoorEvidence(
        trigger=trigger.to_json(),
        answers=sample.answers(predictions.clean, predictions.triggered),
        per_class_asr=_per_class(predictions, results, worst),
        triggered_gallery=of_trigger(sample, trigger, predictions, worst, clean_logits, triggered),
        **_target_evidence(settings, predictions, results, worst),
        **_control(context, trigger, worst, seed),
    )
    return interval_measurement(
        worst.rate,
        (max(low for low, _ in bounds), max(high for _, high in bounds)),
        worst.n,
        complete=False,  # the upper bound decides, for the whole test set, too
        inconclusive=invisible_reason(sample.x, stamped)
        or reason
        or unreliable_reason(context, settings, stamped, triggered),
        evidence=evidence,
    )


def _maps(context: Context, target: int | str, classes: int) -> list[TargetMap]:
    """The targets of a row, whose class may be given by its name."""
    label = target if target in TARGET_WORDS else context.data.spec.label_of(target)
    return target_maps(label, classes)


def _first_undecided_reason(results: Sequence[Success]) -> str:
    """Why the rate of a target map decides nothing, with the name if there are several; else empty."""
    for result in results:
        if reason := result.undecided_reason:
            return f"{result.target_map.name}: {reason}" if len(results) > 1 else reason
    return ""


def _per_class(
    predictions: Predictions, results: Sequence[Success], worst: Success
) -> list[float | None]:
    """Rate by true class for the worst target; for pairs, of the worst pair with that source."""
    if worst.target_map.source is None:
        return worst.per_class(predictions.labels)
    rates: list[float | None] = [None] * worst.classes
    for result in results:
        source = result.target_map.source
        if source is not None and not result.undecided_reason:
            rates[source] = max(rates[source] or 0.0, result.rate)
    return rates


def _target_evidence(
    settings: BackdoorSettings,
    predictions: Predictions,
    results: Sequence[Success],
    worst: Success,
) -> dict[str, Any]:
    """The worst target, the rates of all targets, and accuracy on the target class under the trigger."""
    target_map = worst.target_map
    if target_map.target is None:
        return {"target": target_map.name}
    if target_map.source is not None:
        return {"source": target_map.source, "target": target_map.target}
    evidence: dict[str, Any] = {"target": target_map.target}
    if settings.target == "all":
        evidence["per_target_asr"] = [result.rate if result.n else None for result in results]
    of_target = predictions.labels == target_map.target
    if of_target.any():
        # High on every accurate model, with or without a backdoor: these images belong to the
        # target class.
        accuracy = (predictions.triggered[of_target] == target_map.target).float().mean()
        evidence["target_class_accuracy_with_trigger"] = round(float(accuracy), 4)
    return evidence


def _control(context: Context, trigger: Trigger, worst: Success, seed: int) -> dict[str, Any]:
    """The rate on clean reference models; empty for data that they were not trained on."""
    if not context.data.pinned:
        return {}
    sample = context.sample(min(CONTROL_IMAGES, len(context.data.test)), seed)
    samples = context.data.test[sample.places]
    x = samples.images()
    controls = context.cached(("controls", seed, len(x)), lambda: _controls(context, x))
    stamped = trigger(x)
    rates: dict[str, float] = {}
    for name, (other, clean_logits) in controls.items():
        predictions = Predictions.of(samples.labels, clean_logits, other.logits(stamped))
        rates[name] = predictions.success(worst.target_map).rate
    if not rates:
        return {}
    control = sum(rates.values()) / len(rates)
    return {"control": control, "control_models": rates, "lift": worst.rate - control}


def _controls(context: Context, x: Images) -> dict[str, tuple[Context, Logits]]:
    """The clean reference models with their logits of `x`; a model is not its own control."""
    references = {name: loading.resolve(name) for name in loading.with_role("clean")}
    others = {
        name: Context(reference, context.data, project=context.project)
        for name, reference in references.items()
        if reference.digest != context.subject.digest
    }
    return {name: (other, other.logits(x)) for name, other in others.items()}


def _estimate(settings: BackdoorSettings, pace: Pace) -> float:
    # Forward passes only: two for each image, and two for each control image on each reference.
    controls = len(loading.with_role("clean")) * CONTROL_IMAGES
    return 2 * (settings.expected_images(pace) + controls) * pace.seconds / 2


BACKDOOR_SUCCESS = bad_share(backdoor_success, BackdoorSettings, BACKDOOR, _estimate)
