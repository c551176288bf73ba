"""Certified radius: the largest epsilon up to which an image's class is proved, by bisection."""

from __future__ import annotations

import time
from collections.abc import Generator

import torch

from securemnist.certificates import certify
from securemnist.errors import NoCertificate
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import prediction_doubts
from securemnist.referee import SLACK
from securemnist.types import Images

# A ball of more than 0.5 contains uniform grey around every image.
LARGEST = 0.5
_PRECISION, _FINEST = 0.02, 0.0005  # of the bisection: a share of epsilon, and its least value
# CROWN costs some passes for every other class; with more classes only intervals are used.
_MOST_CLASSES = 20


def certified_radius(
    context: Context, image: Images, label: int, seconds: float
) -> Generator[None, None, float]:
    """The largest L-infinity epsilon found at which `label` is proved for `image` (1, C, H, W).

    0 where nothing is proved. It yields between the steps, and begins none after `seconds`.
    NoCertificate for a network without known bounds, and for one whose answer varies or depends on
    the batch.
    """
    end = time.monotonic() + seconds
    if doubts := prediction_doubts(context):
        raise NoCertificate(f"{doubts[0].name}: {doubts[0].reason}")
    y = torch.tensor([label])
    proved, unproved = 0.0, LARGEST
    while unproved - proved > max(_FINEST, _PRECISION * unproved) and time.monotonic() < end:
        yield
        middle = (proved + unproved) / 2
        # The referee accepts perturbations larger than eps by this tolerance.
        eps, crown = middle + SLACK, context.data.spec.classes <= _MOST_CLASSES
        found = certify(context.subject.model, image, y, eps=eps, crown=crown)
        if bool(found.proved[0]):
            proved = middle
        else:
            unproved = middle
    return proved
