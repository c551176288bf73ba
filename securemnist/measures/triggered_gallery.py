"""Thumbnails of images without and with a trigger."""

from __future__ import annotations

from collections.abc import Callable

from securemnist.backdoor.success_rate import Predictions, Success
from securemnist.evaluation.context import Sample
from securemnist.evaluation.thumbnails import changed_images, choose_for_gallery
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
    return changed_images(
        sample,
        choose_for_gallery(candidates, predictions.labels),
        before=(predictions.clean, before),
        after=(predictions.triggered, after),
        changed=lambda place: trigger(sample.x[place : place + 1])[0],
    )
