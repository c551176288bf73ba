"""Statistics of a scan, and how unlikely they are for a network without a backdoor.

A statistic compares the sizes of one network with one another, so that it depends little on the
architecture and on the training. The reference networks of the task say how it varies without a backdoor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from scipy import stats

LEAST_REFERENCES = 8
# Below this probability a scan is an anomaly, after the correction for several statistics.
ANOMALY = 1e-4


@dataclass(frozen=True)
class Statistic:
    """`value`: logarithm of a size over the median of the constant maps. `place` is its map."""

    kind: str
    place: int
    value: float
    probability: float


def judged(
    sizes: Mapping[str, torch.Tensor], references: Sequence[Mapping[str, torch.Tensor]]
) -> list[Statistic]:
    """The statistics of a network, the least probable first; probabilities are corrected (Bonferroni).

    `sizes`: (C + 1,) by kind. Each kind has two statistics: the constant map of the smallest size,
    compared with what the references need for the same class, and the map to the next class. The
    probability is that of a further network without a backdoor: Student's t with n - 1 degrees of
    freedom, as for a prediction interval.
    """
    found = []
    for kind, own in sizes.items():
        known = torch.stack([_relative(reference[kind]) for reference in references])
        typical = known[:, :-1].median(0).values
        relative = _relative(own)
        place = int((relative[:-1] - typical).argmin())
        smallest = float(relative[place] - typical[place])
        among = (known[:, :-1] - typical).amin(1)
        found.append(Statistic(kind, place, smallest, _probability(smallest, among)))
        last = len(own) - 1
        following = float(relative[last])
        found.append(Statistic(kind, last, following, _probability(following, known[:, -1])))
    count = len(found)
    corrected = [
        Statistic(one.kind, one.place, one.value, min(1.0, count * one.probability))
        for one in found
    ]
    return sorted(corrected, key=lambda one: one.probability)


def _relative(sizes: torch.Tensor) -> torch.Tensor:
    logs = sizes.double().log()
    return logs - logs[:-1].median()


def _probability(value: float, known: torch.Tensor) -> float:
    """The probability of a smaller value in a further draw."""
    n = len(known)
    deviation = max(float(known.std()), 0.02) * math.sqrt(1 + 1 / n)
    return float(stats.t.cdf((value - float(known.mean())) / deviation, n - 1))
