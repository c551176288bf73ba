"""Certified radius: the largest epsilon up to which an image's class is proved, by bisection."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator

import torch

from securemnist.certificates import certify
from securemnist.errors import NoCertificate
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import prediction_doubts
from securemnist.referee import SLACK
from securemnist.types import Images

# A ball of more than 0.5 contains uniform grey around every image.
LARGEST = 0.5
_SMALLEST = 0.0005  # no smaller epsilon is tried
# Ratio of the smallest epsilon that was not proved to the largest that was, at the end of a bisection.
_FINE, _COARSE = 1.02, 1.5
# CROWN costs some passes for every other class; with more classes only intervals are used.
_MOST_CLASSES = 20


def certified_radius(
    context: Context, image: Images, label: int, seconds: float
) -> Generator[None, None, float]:
    """The largest L-infinity epsilon found at which `label` is proved for `image` (1, C, H, W).

    0 where nothing is proved. It yields between the steps. It begins none after `seconds` of processor
    time of its thread, which do not count the checks of a new model. NoCertificate for a network
    without known bounds, and for one whose answer varies or depends on the batch.
    """
    if doubts := prediction_doubts(context):
        raise NoCertificate(f"{doubts[0].name}: {doubts[0].reason}")
    y = torch.tensor([label])

    def proves(eps: float, *, crown: bool) -> bool:
        # The referee accepts perturbations larger than eps by this tolerance.
        model, size = context.subject.model, eps + SLACK
        return bool(certify(model, image, y, eps=size, crown=crown).proved[0])

    yield
    # The first proof also reads the network of a new model.
    smallest = _SMALLEST if proves(_SMALLEST, crown=False) else 0.0
    end = time.thread_time() + seconds
    few = context.data.spec.classes <= _MOST_CLASSES
    ratio = _COARSE if few else _FINE
    proved = yield from _bisected(lambda eps: proves(eps, crown=False), smallest, ratio, end)
    if few:
        proved = yield from _bisected(lambda eps: proves(eps, crown=True), proved, _FINE, end)
    return proved


def _bisected(
    proves: Callable[[float], bool], proved: float, ratio: float, end: float
) -> Generator[None, None, float]:
    """The largest epsilon found for which `proves` holds, at least `proved`; geometric bisection."""
    unproved = LARGEST
    while unproved > ratio * max(proved, _SMALLEST) and time.thread_time() < end:
        yield
        eps = math.sqrt(max(proved, _SMALLEST) * unproved)
        if proves(eps):
            proved = eps
        else:
            unproved = eps
    return proved
