"""Comparison of a new data set with the record of another one by statistics: drift and poisoning.

Two honest draws of the same data differ by chance. So each check is a test, and all tests together fail
once in ten thousand draws (Bonferroni). A change that a test cannot tell from chance passes. The digests
of `data_digests` find any change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import stats

from securemnist.results.evidence.supply_chain import SupplyCheck
from securemnist.supply_chain.data_record import ClassRecord, DataRecord, SplitRecord

LEVEL = 1e-4
# Neighbours depend on each other, which widens the spread of their share.
_DEPENDENCE = 2.0
# What the numbers of a class are, in their order.
_PARTS = (
    *(f"the brightness in row {k // 4 + 1}, column {k % 4 + 1} of 4" for k in range(16)),
    *(f"the share of tone {k + 1} of 8" for k in range(8)),
)


class _Test(NamedTuple):
    """A test: what was compared, in words and by its p-value under equal distributions."""

    name: str
    place: str
    expected: str
    found: str
    p_value: float


def checks(recorded: DataRecord, found: DataRecord) -> list[SupplyCheck]:
    """Checks of labels, of the mean image of each class, of equal images and of odd labels.

    A split without images holds only where the record has none, either.
    """
    tests: list[_Test] = []
    missing: list[SupplyCheck] = []
    for name in dict.fromkeys([*recorded.splits, *found.splits]):
        old, new = recorded.splits.get(name), found.splits.get(name)
        old_images, new_images = (part.images if part else 0 for part in (old, new))
        if old is None or new is None or not old_images or not new_images:
            sizes = (f"{old_images:,} images", f"{new_images:,} images")
            missing.append(SupplyCheck("the split", name, *sizes, old_images == new_images))
        else:
            tests += _split(name, old, new)
    tests += _shared(recorded, found)
    level = LEVEL / max(1, len(tests))
    return [*missing, *(_judged(test, level) for test in tests)]


def _judged(test: _Test, level: float) -> SupplyCheck:
    expected = f"{test.expected} (p of {level:.1g} or more)"
    found, holds = f"{test.found} (p = {test.p_value:.2g})", bool(test.p_value >= level)
    return SupplyCheck(test.name, test.place, expected, found, holds)  # NaN does not hold


def _split(name: str, old: SplitRecord, new: SplitRecord) -> Iterator[_Test]:
    yield _labels(name, old, new)
    for label, (before, after) in enumerate(zip(old.classes, new.classes, strict=False)):
        if before.n > 1 and after.n > 1:
            yield _mean_image(f"{name}, class {label}", before, after)
    sizes = (old.images, new.images)
    yield _more("repeated images", name, (old.repeated, new.repeated), sizes)
    conflicting = (old.conflicting, new.conflicting)
    yield _more("equal images with other labels", name, conflicting, sizes)
    if min(sizes) > 1:
        yield _odd_labels(name, old, new)


def _labels(name: str, old: SplitRecord, new: SplitRecord) -> _Test:
    """Whether the shares of the classes are equal: the chi-squared test of homogeneity."""
    counts = [[part.n for part in split.classes] for split in (old, new)]
    width = max(map(len, counts))
    table = np.array([row + [0] * (width - len(row)) for row in counts])
    table = table[:, table.sum(0) > 0]
    p_value = float(stats.chi2_contingency(table).pvalue) if table.shape[1] > 1 else 1.0
    shares = table / table.sum(1, keepdims=True)
    worst = int(np.abs(shares[1] - shares[0]).argmax())
    expected, found = (f"{100 * share:.2f} % of a class" for share in shares[:, worst])
    return _Test("shares of the classes", name, expected, found, p_value)


def _mean_image(place: str, old: ClassRecord, new: ClassRecord) -> _Test:
    """Whether every part and every tone is as frequent: Welch's test, Bonferroni over their number."""
    if len(old.mean) != len(new.mean) or not old.mean:
        return _Test("mean image", place, "as many parts", "others", 0.0)
    before, after = np.array(old.mean), np.array(new.mean)
    error = np.sqrt(np.square(old.deviation) / old.n + np.square(new.deviation) / new.n)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(before == after, 0.0, np.abs(after - before) / error)
    worst = int(np.nanargmax(np.nan_to_num(z, nan=np.inf)))
    freedom = min(old.n, new.n) - 1  # below Welch's, so that small classes give no false alarm
    p_value = min(1.0, 2 * float(stats.t.sf(z[worst], freedom)) * len(z))
    part = _PARTS[worst] if worst < len(_PARTS) else "a part"
    expected, found = f"{before[worst]:.4f} for {part}", f"{after[worst]:.4f}"
    return _Test("mean image", place, expected, found, p_value)


def _more(name: str, place: str, counts: tuple[int, int], sizes: tuple[int, int]) -> _Test:
    """Whether the recorded share has grown: Fisher's exact test, one-sided."""
    (old, new), (before, after) = counts, sizes
    table = [[new, after - new], [old, before - old]]
    p_value = float(stats.fisher_exact(table, alternative="greater").pvalue)
    expected, found = f"{old:,} of {before:,}", f"{new:,} of {after:,}"
    return _Test(name, place, expected, found, p_value)


def _odd_labels(place: str, old: SplitRecord, new: SplitRecord) -> _Test:
    """Whether more images than recorded have another label than their nearest one (Wilson 1972).

    A record of several images that compared none does not hold: it would leave out this test.
    """
    name = "labels unlike the nearest image's"
    if not old.compared or not new.compared:
        compared = f"{old.compared:,} images compared"
        return _Test(name, place, compared, f"{new.compared:,} images", 0.0)
    odd = old.disagreeing * old.compared + new.disagreeing * new.compared
    pooled = odd / (old.compared + new.compared)
    variance = _DEPENDENCE * pooled * (1 - pooled) * (1 / old.compared + 1 / new.compared)
    growth = new.disagreeing - old.disagreeing
    z = growth / np.sqrt(variance) if variance > 0 else np.inf if growth > 0 else 0.0
    expected, found = (f"{100 * part.disagreeing:.2f} %" for part in (old, new))
    return _Test(name, place, expected, found, float(stats.norm.sf(z)))


def _shared(recorded: DataRecord, found: DataRecord) -> Iterator[_Test]:
    for pair in dict.fromkeys([*recorded.shared, *found.shared]):
        first = pair.partition(",")[0]
        both = (recorded, found)
        old, new = (one.splits[first].images if first in one.splits else 0 for one in both)
        counts = (recorded.shared.get(pair, 0), found.shared.get(pair, 0))
        yield _more("images of both splits", pair, counts, (old, new))
