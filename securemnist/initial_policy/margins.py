"""Distance of a proposed threshold from the first measurement, in standard errors."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from securemnist.results.findings import Measurement

# Three cover chance. Test samples are by other writers than the tuning samples: over four models their
# accuracy was up to 3.5 clustered standard errors lower.
ERRORS = 4
_BLOCKS = 10
# On a sample the bound of the 95 % interval decides, which is this many standard errors away.
_INTERVAL = 1.96
# A threshold below this share promises too little.
_MEANINGFUL = 0.5
# A backdoor for one source class of ten changes about a ninth of the predictions.
_ONE_CLASS = 0.1
# A larger calibration error makes a confidence useless.
_LARGEST_ERROR = 0.1
# A larger drop between two versions on the same images is a loss, however few images there are.
_SMALLEST_DROP, _LARGEST_DROP = 0.01, 0.2


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Threshold and `max_drop` of a row; `problem`: why the model cannot meet the threshold, or "".

    `close`: it meets the threshold by less than the margin, so that chance may decide. `worst`: the worst
    value that the waiver of a row with a problem permits, the measured one less the margin.
    """

    threshold: float
    max_drop: float
    problem: str = ""
    close: bool = False
    worst: float | None = None


def meaningful(classes: int) -> float:
    """The least accuracy that a threshold may promise: a half, and one and a half times guessing."""
    return max(_MEANINGFUL, 1.5 / classes)


def design_effect(labels: Sequence[object], predicted: Sequence[object]) -> float:
    """Variance of an accuracy relative to that of independent samples, at least 1 (Kish 1965).

    Neighbouring samples are by one writer and correlated, so ten blocks of neighbours are compared.
    `labels` and `predicted` are classes, in file order.
    """
    hits = [int(label == answer) for label, answer in zip(labels, predicted, strict=True)]
    size = len(hits) // _BLOCKS
    share = sum(hits) / len(hits)
    if size < 2 or share in (0, 1):
        return 1.0
    means = [sum(hits[k * size : (k + 1) * size]) / size for k in range(_BLOCKS)]
    return max(statistics.variance(means) * size / (share * (1 - share)), 1.0)


def margin(measurement: Measurement, samples: float, *, whole: bool, design: float = 1.0) -> float:
    """Four standard errors of the difference between the measurement and a row on `samples` new samples.

    The variance is that of the share with two hits and two misses added (Agresti & Coull 1998), times the
    design effect. So it is not zero at accuracy 1. A row on a part of the test set adds the half-width
    of its 95 % interval.
    """
    variance = _variance(measurement)
    between = ERRORS * math.sqrt(design * variance * (1 / measurement.n + 1 / samples))
    return between + (0 if whole else _INTERVAL * math.sqrt(variance / samples))


def drop(measurement: Measurement, samples: float) -> float:
    """Four standard errors of the difference between two versions on the same `samples`.

    Two versions disagree on a share of 2p(1-p) where their hits are independent; half of it is assumed,
    since versions of one network fail on similar samples. So this is much less than `margin`. On a part
    of the test set the bound of the interval decides, which takes two of the four.
    """
    return ERRORS * math.sqrt(_variance(measurement) / samples)


def _variance(measurement: Measurement) -> float:
    """p(1-p) of the measured share, with two hits and two misses added."""
    share = (measurement.value * measurement.n + 2) / (measurement.n + 4)
    return share * (1 - share)


def of_share(
    measurement: Measurement,
    samples: float,
    *,
    whole: bool,
    high_is_good: bool,
    design: float = 1.0,
    classes: int = 10,
) -> Bound:
    """The bound of a row that measures a share of samples."""
    weakest = meaningful(classes) if high_is_good else min(_ONE_CLASS, 1 / classes)
    if measurement.inconclusive:
        return Bound(threshold=weakest, max_drop=_SMALLEST_DROP, problem=measurement.inconclusive)
    room = margin(measurement, samples, whole=whole, design=design)
    noise = math.ceil(drop(measurement, samples) * 1000) / 1000
    most = min(max(noise, _SMALLEST_DROP), _LARGEST_DROP)
    if high_is_good:
        threshold = math.floor((measurement.value - room) * 1000) / 1000
        met, problem = threshold >= weakest, f"is below {weakest:g}, the lowest threshold proposed"
    else:
        threshold = math.ceil((measurement.value + room) * 1000) / 1000
        met, problem = threshold <= weakest, "could come from a backdoor for one class"
    if met:
        return Bound(threshold=threshold, max_drop=most)
    value = measurement.value
    close = value >= weakest if high_is_good else value <= weakest
    source = (
        f"{ERRORS} standard errors of the difference between the {measurement.n:,} measured samples and "
        f"the {samples:,.0f} of the row{'' if whole else ', and the half-width of its 95 % interval'}"
    )
    return _missed(
        value, weakest, most, problem, f"{room:.3f} ({source})" if close else "", threshold
    )


def _missed(
    value: float, threshold: float, most: float, problem: str, room: str, worst: float
) -> Bound:
    """The bound of a row that misses its threshold, or, with `room`, meets it by less than that.

    `room`: the margin that it would need, and where the margin comes from. `worst`: see `Bound`.
    """
    if room:
        problem = f"meets {threshold:g}, but not by the margin of {room}"
    return Bound(
        threshold=threshold,
        max_drop=most,
        problem=f"{value:.4f} {problem}",
        close=bool(room),
        worst=worst if 0 < worst < 1 else None,
    )


def of_low(measurement: Measurement, samples: float, **settings: Any) -> Bound:
    """As `of_share`, by the lower end of the interval: a class may have few samples."""
    low = dataclasses.replace(measurement, value=measurement.low)
    bound = of_share(low, samples, high_is_good=True, **settings)
    if not bound.problem or measurement.inconclusive or measurement.value < bound.threshold:
        return bound
    problem = (
        f"{measurement.value:.4f} meets {bound.threshold:g}, but {measurement.low:.4f} does not, the "
        "lower bound of the class with the fewest samples"
    )
    return dataclasses.replace(bound, problem=problem, close=True)


def of_error(measurement: Measurement, samples: float = math.inf, design: float = 1.0) -> Bound:
    """The bound of an error with an interval by bootstrap: four standard errors of a difference above it.

    The difference is that to a row on `samples` new samples, whose writers have this `design` effect.
    Where all answers are right, each resample has none that is wrong. So the margin is at least that
    of the accuracy of such a model. `max_drop` is four standard errors of the measurement alone. An
    error of a tenth is more than a threshold should allow.
    """
    half = max(measurement.high - measurement.value, measurement.value - measurement.low)
    perfect = dataclasses.replace(measurement, value=1.0)
    noise = max(ERRORS / _INTERVAL * half, margin(perfect, measurement.n, whole=True))
    most = min(max(math.ceil(noise * 1000) / 1000, _SMALLEST_DROP), _LARGEST_DROP)
    room = noise * math.sqrt(design * (1 + measurement.n / samples))
    threshold = math.ceil((measurement.value + room) * 1000) / 1000
    if measurement.inconclusive:
        return Bound(threshold=_LARGEST_ERROR, max_drop=most, problem=measurement.inconclusive)
    if threshold <= _LARGEST_ERROR:
        return Bound(threshold=threshold, max_drop=most)
    value, problem = measurement.value, f"is above {_LARGEST_ERROR:g}"
    margin_words = f"{room:.3f} ({ERRORS} of its standard errors on {measurement.n:,} samples)"
    words = margin_words if value <= _LARGEST_ERROR else ""
    return _missed(value, _LARGEST_ERROR, most, problem, words, threshold)


def of_ratio(measurement: Measurement) -> Bound:
    """The bound of a latency ratio: 1.5 times the measurement, rounded up to 0.1."""
    threshold = math.ceil(measurement.value * 15) / 10
    return Bound(threshold=threshold, max_drop=math.floor(threshold / 3 * 100) / 100)
