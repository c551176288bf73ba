"""Thumbnails for the report: selection and pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

from securemnist.data.thumbnail import thumbnail
from securemnist.evaluation.context import Sample
from securemnist.models.predictions import margin, predicted
from securemnist.results.evidence.images import ChangedImage, CleanImage
from securemnist.types import Labels, Logits

GALLERY = 12  # divides by 2, 3, 4 and 6 columns


def choose_for_gallery(candidates: torch.Tensor, labels: Labels) -> list[int]:
    """Up to GALLERY indices of `candidates`, boolean (n,): the first of each class, then more."""
    places = candidates.nonzero().squeeze(1).tolist()
    classes = labels.tolist()
    first = {classes[place]: place for place in reversed(places)}
    chosen = sorted(first.values())
    rest = [place for place in places if place not in set(chosen)]
    return (chosen + rest)[:GALLERY]


def changed_images(
    sample: Sample,
    places: Iterable[int],
    *,
    before: tuple[torch.Tensor, torch.Tensor],
    after: tuple[torch.Tensor, torch.Tensor],
    changed: Callable[[int], torch.Tensor],
    broken_by: Callable[[int], str] = lambda _: "",
) -> list[ChangedImage]:
    """Thumbnails of images of a sample, at these places in it, before and after a change.

    `before` and `after`: predictions int64 (n,) and confidences (n,) of all images. `changed` gives the
    changed image (C, H, W) at a place, `broken_by` the stage that broke it.
    """
    return [
        ChangedImage(
            index=int(sample.places[k]),
            label=int(sample.samples.labels[k]),
            clean_prediction=int(before[0][k]),
            prediction=int(after[0][k]),
            clean_confidence=round(float(before[1][k]), 4),
            confidence=round(float(after[1][k]), 4),
            clean=thumbnail(sample.x[k]),
            adversarial=thumbnail(changed(k)),
            broken_by=broken_by(k),
        )
        for k in places
    ]


def smallest_margin_images(logits: Logits, sample: Sample) -> list[CleanImage]:
    """The GALLERY images of the smallest margin: true logit minus best other logit.

    A negative margin is a misclassified image. `logits` (n, K) are those of the sample.
    """
    labels, places = sample.samples.labels, sample.places
    margins = margin(logits, labels)
    predictions = predicted(logits, labels)
    return [
        CleanImage(
            index=int(places[k]),
            label=int(labels[k]),
            prediction=int(predictions[k]),
            margin=round(float(margins[k]), 4),
            clean=thumbnail(sample.samples[k : k + 1].images()[0]),
        )
        for k in margins.argsort(stable=True)[:GALLERY].tolist()
    ]
