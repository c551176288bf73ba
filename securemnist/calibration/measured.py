"""Factors of the limits: two honest networks raise no doubt, and each impostor raises its own."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

from securemnist import assessing
from securemnist.calibration.honest import Honest
from securemnist.calibration.impostors import IMPOSTORS
from securemnist.calibration.references import check_learned
from securemnist.data import DataSet, Samples
from securemnist.errors import UsageError
from securemnist.evaluation.calibration import FACTORS, Calibration, Limits, Reference
from securemnist.evaluation.context import Context
from securemnist.models.loading import Subject
from securemnist.threats import Linf
from securemnist.types import Progress, silent

# Images that doubts about the model use, and the fewest on which a limit says something: each search
# attacks 96 of them.
_IMAGES, _FEWEST = 500, 100
_LADDER = {"use": "ladder", "budget": "smoke"}
_PGD = {"use": "PGD", "steps": 10}
# A reference is attacked where about a fifth to two fifths of its right predictions break.
_SURVIVING, _LARGEST, _FINER, _MOST_EPS = 0.6, 0.5, 2**-0.25, 48
DOUBTS = tuple(dict.fromkeys(name for impostor in IMPOSTORS for name in impostor.doubts))


def calibrate(
    references: Sequence[Subject], data: DataSet, *, seconds: float, progress: Progress = silent
) -> Calibration:
    """Limits of the doubts for `data`, by honest networks; on tuning images, else on test images.

    After `seconds` the doubts whose impostors were all tried are kept; the others stay uncalibrated.
    UsageError where there is none to keep, for MNIST, for fewer than 100 images, for fewer than two
    different networks, and for one near chance.
    """
    check_data(data)
    if len({subject.digest for subject in references}) < 2:
        raise UsageError(
            "expected two different honest networks for a calibration, got one; name another"
        )
    end = time.monotonic() + seconds
    split = _measured(data)
    used = dataclasses.replace(data, test=split[:_IMAGES])
    total = 2 + len(IMPOSTORS)

    def in_time(done: int) -> bool:
        progress("calibration", done, total)
        return done == total or time.monotonic() <= end

    _require(in_time(0), 0, total)
    entries = [_reference(subject, used) for subject in references]
    honest = [network for network, _ in entries]
    _require(in_time(1), 1, total)
    factors = _without_doubts(honest)
    limits, missed, tried = Limits(factors), set[str](), 0
    while in_time(2 + tried) and tried < len(IMPOSTORS):
        impostor = IMPOSTORS[tried]
        missed |= {name for network in honest for name in network.missed(impostor, limits)}
        tried += 1
    later = {name for impostor in IMPOSTORS[tried:] for name in impostor.doubts}
    separated = {name: factor for name, factor in factors.items() if name not in missed}
    kept = {name: factor for name, factor in separated.items() if name not in later}
    _require(bool(kept) or not later, 2 + tried, total)
    return Calibration(
        data={"test": data.digest, **({"tuning": split.digest} if len(data.tuning) else {})},
        references=tuple(entry for _, entry in entries),
        factors=kept,
        untried=tuple(name for name in separated if name in later),
    )


def _require(enough: bool, done: int, total: int) -> None:
    """UsageError where the time did not suffice for one doubt."""
    if not enough:
        raise UsageError(
            f"expected a calibration within the given time, got {done} of {total} steps; raise "
            "--calibrate-minutes"
        )


def _measured(data: DataSet) -> Samples:
    """The tuning images, or the test images of data without them."""
    return data.tuning if len(data.tuning) else data.test


def check_data(data: DataSet) -> None:
    """UsageError for MNIST, which needs no calibration, and for fewer images than one needs."""
    count = len(_measured(data))
    if count < _FEWEST:
        split = "tuning" if len(data.tuning) else "test"
        raise UsageError(
            f"{data.name}: expected at least {_FEWEST} {split} images for a calibration, got {count}; "
            "add images (the tuning split is a twelfth of the training images), or omit --calibrate"
        )
    if data.pinned:
        raise UsageError(
            "expected data other than MNIST, on which the limits of doubts were chosen, got MNIST; omit "
            "--calibrate"
        )


def _reference(subject: Subject, data: DataSet) -> tuple[Honest, Reference]:
    """The network at the largest eps at which most images survive PGD; UsageError near chance."""
    context = Context(subject, data, doubts=(), trial=Limits())
    clean = assessing.measure(context, "clean_accuracy", {})
    advice = "raise --calibrate-minutes, or name two of yours: --calibrate-with"
    check_learned(subject.name, clean.value, clean.low, data.test.labels, advice)
    eps = _LARGEST
    for _ in range(_MOST_EPS):
        network = Honest(subject, data, Linf(float(f"{eps:.3g}")))
        if network.survival(_PGD) >= _SURVIVING:
            break
        eps *= _FINER
    return network, Reference(
        name=subject.name,
        digest=subject.digest,
        accuracy=clean.value,
        threat=str(network.threat),
    )


def _without_doubts(honest: Sequence[Honest]) -> dict[str, float]:
    """The smallest factor by doubt with which no honest network raises it."""
    factors: dict[str, float] = {}
    for factor in FACTORS:
        limits = Limits(dict.fromkeys(DOUBTS, factor))
        found = (network.measured(_LADDER, limits) for network in honest)
        raised = {doubt.name for measurement in found for doubt in measurement.doubts}
        factors = {**dict.fromkeys(set(DOUBTS) - raised, factor), **factors}
        if len(factors) == len(DOUBTS):
            break
    return {name: factors[name] for name in DOUBTS if name in factors}
