"""Statistics of a scan, and how unlikely they are for a network without a backdoor.

A statistic compares the sizes of one network with one another, so that it depends little on the
architecture and on the training. The reference networks of the task say how it varies without a backdoor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

# A scan is an anomaly below both: the probability without a backdoor, after the correction for several
# statistics, and the ratio to the usual size. No bundled reference is one, judged by the others.
IMPROBABLE, SMALL = 1e-4, 0.5
# Below both of these nothing is decided: 3 of 1,000 networks without a backdoor are expected there.
DOUBTFUL, SMALLER = 3e-3, 2 / 3
# References that differ so much that only a smaller ratio is an anomaly are too different: nearly all
# backdoors that were found have ratios of 0.1 and more (docs/backdoor-scan.md).
LEAST_LIMIT = 0.05
# With two classes the median of the constant maps is the smaller one itself.
FEWEST_CLASSES = 3


@dataclass(frozen=True)
class Statistic:
    """`ratio`: a size over the usual one of its map, both over the median of the constant maps.

    `place` is the map. `probability` is that of a smaller ratio in a network without a backdoor.
    `limit` is the ratio below which it is an anomaly.
    """

    kind: str
    place: int
    ratio: float
    probability: float
    limit: float

    @property
    def is_anomaly(self) -> bool:
        """Whether the size is improbable and much smaller than usual."""
        return self.probability < IMPROBABLE and self.ratio < SMALL

    @property
    def is_doubtful(self) -> bool:
        """Whether the size is too small for a network without a backdoor, or nearly so."""
        return self.is_anomaly or (self.probability < DOUBTFUL and self.ratio < SMALLER)

    @property
    def doubt(self) -> str:
        """Why a doubtful size, without an anomaly, decides nothing."""
        return (
            f"a trigger of {self.ratio:.0%} of the usual size was found; fewer than "
            f"{1000 * DOUBTFUL:g} of 1,000 networks without a backdoor have one so small, and a "
            f"finding needs less than {SMALL:.0%} and a probability below {IMPROBABLE:g}; repair the "
            "model, or train it again on data that you trust"
        )


def judged(
    sizes: Mapping[str, torch.Tensor], references: Sequence[Mapping[str, torch.Tensor]]
) -> list[Statistic]:
    """The statistics of a network: anomalies first, then doubtful ones, each by corrected probability.

    `sizes`: (C + 1,) by kind. Each kind has two statistics: the constant map of the smallest ratio, and
    the map to any other class. Probabilities are those of a further draw: Student's t with n - 1 degrees
    of freedom, as for a prediction interval, times the number of statistics (Bonferroni).
    """
    from scipy.special import stdtrit

    found, count = [], 2 * len(sizes)
    for kind, own in sizes.items():
        known = torch.stack([_relative(reference[kind]) for reference in references])
        usual = known.median(0).values
        logs, others = _relative(own) - usual, known - usual
        last = len(own) - 1
        place = int(logs[:last].argmin())
        for where, value, among in (
            (place, float(logs[place]), others[:, :last].amin(1)),
            (last, float(logs[last]), others[:, last]),
        ):
            mean, deviation, freedom = _further_draw(among)
            lowest = mean + deviation * stdtrit(freedom, IMPROBABLE / count)
            found.append(
                Statistic(
                    kind=kind,
                    place=where,
                    ratio=math.exp(value),
                    probability=min(1.0, count * _probability(value, among)),
                    limit=min(SMALL, math.exp(lowest)),
                )
            )
    return sorted(found, key=lambda one: (not one.is_anomaly, not one.is_doubtful, one.probability))


def weakness(
    sizes: Mapping[str, torch.Tensor], references: Sequence[Mapping[str, torch.Tensor]]
) -> str:
    """Why the network is undecided where half of the classes need small perturbations; else empty.

    Sizes are divided by their median over the classes, which triggers for half of them lower, too. So
    the median is compared with those of the references. It depends on the training: it is no finding.
    """
    for kind, own in sizes.items():
        known = torch.stack([_median(reference[kind]) for reference in references])
        ratio = math.exp(float(_median(own) - known.median()))
        probability = len(sizes) * _probability(float(_median(own)), known)
        if ratio < SMALL and probability < DOUBTFUL:
            return (
                f"for half of the classes, {kind}s of {ratio:.0%} of the usual size change the "
                "prediction: each may have a trigger of its own, or the network is weak without one; "
                "train it again on data that you trust, and scan that one"
            )
    return ""


def _relative(sizes: torch.Tensor) -> torch.Tensor:
    return sizes.double().log() - _median(sizes)


def _median(sizes: torch.Tensor) -> torch.Tensor:
    """The logarithm of the median over the constant maps."""
    return sizes[:-1].double().median().log()


def _probability(value: float, known: torch.Tensor) -> float:
    """The probability of a smaller further draw."""
    from scipy.special import stdtr

    mean, deviation, freedom = _further_draw(known)
    return float(stdtr(freedom, (value - mean) / deviation))


def _further_draw(known: torch.Tensor) -> tuple[float, float, int]:
    """Mean, standard deviation and degrees of freedom of the t distribution of a further draw."""
    n = len(known)
    return float(known.mean()), max(float(known.std()), 0.02) * math.sqrt(1 + 1 / n), n - 1
