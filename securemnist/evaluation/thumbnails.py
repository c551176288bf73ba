"""Thumbnails for the report: selection and base64 encoding."""

from __future__ import annotations

import base64
from typing import Any

import torch

from securemnist.models.predictions import predicted
from securemnist.types import Labels

GALLERY = 12  # divides by 2, 3, 4 and 6 columns


def choose_for_gallery(candidates: torch.Tensor, labels: Labels) -> list[int]:
    """Up to GALLERY indices of `candidates`, boolean (n,): the first of each class, then more."""
    places = candidates.nonzero().squeeze(1).tolist()
    classes = labels.tolist()
    first = {classes[place]: place for place in reversed(places)}
    chosen = sorted(first.values())
    rest = [place for place in places if place not in set(chosen)]
    return (chosen + rest)[:GALLERY]


def thumbnail(
    *,
    index: int,
    label: int,
    clean_prediction: int,
    prediction: int,
    clean_confidence: float,
    confidence: float,
    clean: torch.Tensor,
    changed: torch.Tensor,
) -> dict[str, Any]:
    """One image before and after the perturbation, as evidence.

    Images (1, 28, 28) in [0, 1] become 784 bytes in base64. A confidence is the probability of the
    predicted class.
    """
    return {
        "index": index,
        "label": label,
        "clean_prediction": clean_prediction,
        "prediction": prediction,
        "clean_confidence": round(clean_confidence, 4),
        "confidence": round(confidence, 4),
        "clean": _bytes64(clean),
        "adversarial": _bytes64(changed),
    }


def smallest_margin_images(
    logits: torch.Tensor, labels: Labels, images: torch.Tensor, places: torch.Tensor
) -> list[dict[str, Any]]:
    """The GALLERY images of the smallest margin: true logit minus best other logit.

    A negative margin is a misclassified image.
    """
    own = labels.unsqueeze(1)
    others = logits.scatter(1, own, -torch.inf)
    margins = logits.gather(1, own).squeeze(1) - others.amax(1)
    predictions = predicted(logits, labels)
    return [
        {
            "index": int(places[k]),
            "label": int(labels[k]),
            "prediction": int(predictions[k]),
            "margin": round(float(margins[k]), 4),
            "clean": _bytes64(images[k]),
        }
        for k in margins.argsort(stable=True)[:GALLERY].tolist()
    ]


def _bytes64(image: torch.Tensor) -> str:
    pixels = (image.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8)
    return base64.b64encode(pixels.contiguous().numpy().tobytes()).decode()
