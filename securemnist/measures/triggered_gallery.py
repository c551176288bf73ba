"""Thumbnails of images without and with a trigger."""

from __future__ import annotations

from collections.abc import Callable

from securemnist.backdoor.success_rate import Predictions, Success
from securemnist.data.thumbnail import thumbnail
from securemnist.evaluation.context import Sample
from securemnist.evaluation.thumbnails import choose_for_gallery
from securemnist.results.evidence.images import ChangedImage
from securemnist.types import Images, Logits


def of_trigger(
    sample: Sample,
    trigger: Callable[[Images], Images],
    predictions: Predictions,
    result: Success,
    clean: Logits,
    triggered: Logits,
) -> list[ChangedImage]:
    """Thumbnails of images that the trigger changed to the target; else of images that count."""
    before, after = (logits.softmax(1).amax(1) for logits in (clean, triggered))
    candidates = result.hit if result.hit.any() else result.counted
    return [
        ChangedImage(
            index=int(sample.places[place]),
            label=int(predictions.labels[place]),
            clean_prediction=int(predictions.clean[place]),
            prediction=int(predictions.triggered[place]),
            clean_confidence=round(float(before[place]), 4),
            confidence=round(float(after[place]), 4),
            clean=thumbnail(sample.x[place]),
            adversarial=thumbnail(trigger(sample.x[place : place + 1])[0]),
        )
        for place in choose_for_gallery(candidates, predictions.labels)
    ]
