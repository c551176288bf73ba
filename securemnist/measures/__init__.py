"""The measures that a policy can ask for. A new one is a file, a line in MEASURES and a suite test."""

from __future__ import annotations

import dataclasses
import time

from securemnist.errors import MeasureError, PolicyError
from securemnist.evaluation.context import Lab
from securemnist.measures.base import Measure, Settings
from securemnist.measures.policy_check import check_data, check_policy
from securemnist.measures.table import MEASURES, bind, find
from securemnist.results.findings import Measurement
from securemnist.runtime import denormals
from securemnist.runtime.float32 import exact_float32

__all__ = ["MEASURES", "bind", "check_data", "check_policy", "find", "take"]

_FEW_COPIES = 0.01  # a share of the test images that changes no verdict by itself


@exact_float32()
def take(lab: Lab, measure: str, settings: Settings, seed: int) -> Measurement:
    """Take one measurement; its seconds are those of the whole measure."""
    began = time.perf_counter()
    with denormals.flushed(lab.flushes_denormals):
        found = find(measure)
        if found is None:
            raise PolicyError(f"expected a measure that is known, got {measure!r}")
        taken = _without_copies(_measured(found, lab, settings, seed), lab)
    return dataclasses.replace(taken, seconds=round(time.perf_counter() - began, 3))


def _measured(measure: Measure, lab: Lab, settings: Settings, seed: int) -> Measurement:
    taken = measure.run(lab, settings, seed)
    if not isinstance(taken, Measurement):  # the function may be a user's own
        got = type(taken).__name__
        raise MeasureError(f"expected a Measurement from {measure.run.__name__}, got {got}; fix it")
    return taken


def _without_copies(taken: Measurement, lab: Lab) -> Measurement:
    """A share of test images that are copies is a number about memory, or counts one image twice."""
    if taken.unit != "share":  # comparing all the images takes time, and code has none
        return taken
    copies = lab.data.copies
    if not str(copies):
        return taken
    told = f"{copies}; a number on them says nothing of new images, leave them out"
    doubtful = max(copies.of_training, copies.repeated) > _FEW_COPIES * copies.n
    return dataclasses.replace(
        taken,
        evidence={**taken.evidence, "copies": dataclasses.asdict(copies)},
        inconclusive=taken.inconclusive or (told if doubtful else ""),
    )
