"""How far a proposed threshold stays from the first measurement: a stated number of standard errors."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from securemnist.results.findings import Measurement

# Chance takes three. Test samples are by other writers than the tuning samples: over four models their
# accuracy was up to 3.5 clustered standard errors lower.
ERRORS = 4
_BLOCKS = 10
# A sample passes by the end of its 95 % interval, which lies this many standard errors away.
_INTERVAL = 1.96
# Below it a row of a share holds too little to be worth a pass.
MEANINGFUL = 0.5
# A backdoor for the samples of one class of ten changes a ninth of the answers.
ONE_CLASS = 0.1
_SMALLEST_DROP = 0.01


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The threshold of a row and its bound of the change; `problem`: why the model cannot meet it."""

    threshold: float
    max_drop: float
    problem: str = ""


def design_effect(labels: Sequence[object], read: Sequence[object]) -> float:
    """How many times larger the variance of an accuracy is than for independent samples, at least 1.

    Neighbours in the file are by one writer, and are right or wrong together: ten blocks of neighbours
    are compared (Kish 1965). `labels` and `read` are the classes of each sample, in the file's order.
    """
    hits = [int(label == answer) for label, answer in zip(labels, read, strict=True)]
    size = len(hits) // _BLOCKS
    share = sum(hits) / len(hits)
    if size < 2 or share in (0, 1):
        return 1.0
    means = [sum(hits[k * size : (k + 1) * size]) / size for k in range(_BLOCKS)]
    return max(statistics.variance(means) * size / (share * (1 - share)), 1.0)


def margin(seen: Measurement, samples: float, *, whole: bool, design: float = 1.0) -> float:
    """Four standard errors between the first measurement and a row on `samples` other samples.

    The variance is that of the share with two hits and two misses added (Agresti & Coull 1998), so that
    it is not zero where everything was right, times the design effect. A row on a part of the test set
    adds the half-width of its own 95 % interval.
    """
    share = (seen.value * seen.n + 2) / (seen.n + 4)
    variance = share * (1 - share)
    between = ERRORS * math.sqrt(design * variance * (1 / seen.n + 1 / samples))
    return between + (0 if whole else _INTERVAL * math.sqrt(variance / samples))


def of_share(
    seen: Measurement, samples: float, *, whole: bool, high_is_good: bool, design: float = 1.0
) -> Bound:
    """The bound of a row that measures a share of samples."""
    if seen.inconclusive:
        threshold = MEANINGFUL if high_is_good else ONE_CLASS
        return Bound(threshold=threshold, max_drop=_SMALLEST_DROP, problem=seen.inconclusive)
    room = margin(seen, samples, whole=whole, design=design)
    drop = max(math.ceil(room * 1000) / 1000, _SMALLEST_DROP)
    if high_is_good:
        floor = math.floor((seen.value - room) * 1000) / 1000
        if floor >= MEANINGFUL:
            return Bound(threshold=floor, max_drop=drop)
        problem = f"{seen.value:.4f} leaves less than {MEANINGFUL:g}"
        return Bound(threshold=MEANINGFUL, max_drop=drop, problem=problem)
    ceiling = math.ceil((seen.value + room) * 1000) / 1000
    if ceiling <= ONE_CLASS:
        return Bound(threshold=ceiling, max_drop=drop)
    problem = f"{seen.value:.4f} is what a backdoor for one class could give"
    return Bound(threshold=ONE_CLASS, max_drop=drop, problem=problem)


def of_ratio(seen: Measurement) -> Bound:
    """The bound of a latency: half as much again, rounded up; timings have no binomial error."""
    threshold = math.ceil(seen.value * 15) / 10
    return Bound(threshold=threshold, max_drop=math.floor(threshold / 3 * 100) / 100)
