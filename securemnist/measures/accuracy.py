"""Clean accuracy: over all images, and of the worst class."""

from __future__ import annotations

import dataclasses

import numpy as np

from securemnist.evaluation.context import FEWEST, Context
from securemnist.evaluation.thumbnails import smallest_margin_images
from securemnist.measures.base import (
    AnswerSettings,
    Measure,
    answer_seconds,
    share_measurement,
    unreliable_reason,
)
from securemnist.models.predictions import predicted, tied
from securemnist.results.confusion import confusion, per_class
from securemnist.results.evidence.answers import CleanEvidence
from securemnist.results.families import CLEAN
from securemnist.results.findings import Measurement
from securemnist.results.intervals import share_interval

# Classes without images that a reason lists.
_LISTED = 10


def clean_accuracy(context: Context, settings: AnswerSettings, seed: int) -> Measurement:
    """Share of unmodified test images that are classified right."""
    table, evidence, complete = _evidence(context, settings, seed)
    hits, n = int(table.trace()), int(table.sum())
    reason = unreliable_reason(context, settings)
    return share_measurement(hits, n, complete=complete, evidence=evidence, inconclusive=reason)


def worst_class_accuracy(context: Context, settings: AnswerSettings, seed: int) -> Measurement:
    """Clean accuracy of the worst class; n is the number of its images.

    Inconclusive where a class has no image. `low` is the lowest bound of any class, which a pass needs
    for every one. A class of fewer than 100 images makes the bound decide for the whole test set, too.
    """
    table, evidence, complete = _evidence(context, settings, seed)
    counts = table.sum(1)
    shares = {k: share for k, share in enumerate(per_class(table)) if share is not None}
    worst = min(shares, key=lambda k: (shares[k], k))
    names = context.data.spec.name_of
    missing = [names(k) for k in range(len(table)) if k not in shares]
    listed = ", ".join(missing[:_LISTED]) + (", ..." if missing[_LISTED:] else "")
    reason = f"no image of class {listed} was measured; measure more, or other, images"
    measured = share_measurement(
        int(table[worst, worst]),
        int(counts[worst]),
        complete=complete and int(counts.min()) >= FEWEST,
        evidence=dataclasses.replace(evidence, worst_class=worst),
        inconclusive=reason if missing else unreliable_reason(context, settings),
    )
    bounds = [share_interval(int(table[k, k]), int(counts[k]))[0] for k in shares]
    return dataclasses.replace(measured, low=min(bounds))


def _evidence(
    context: Context, settings: AnswerSettings, seed: int
) -> tuple[np.ndarray, CleanEvidence, bool]:
    """The confusion matrix, the evidence, and whether the number is exact."""
    sample = context.sample(settings.images, seed)
    logits = context.clean_logits(sample)
    labels = sample.samples.labels
    predictions = predicted(logits, labels)
    table = confusion(labels.numpy(), predictions.numpy(), logits.shape[1])
    evidence = CleanEvidence(
        ties=int(tied(logits, labels).sum()),
        per_class=per_class(table),
        answers=sample.answers(predictions),
        hardest=smallest_margin_images(logits, sample),
    )
    return table, evidence, sample.complete and not settings.randomised


CLEAN_ACCURACY = Measure(clean_accuracy, AnswerSettings, CLEAN, answer_seconds)
WORST_CLASS_ACCURACY = Measure(worst_class_accuracy, AnswerSettings, CLEAN, answer_seconds)
