"""Comparison of a data set with its record, value by value: every change is found."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from securemnist._util.hashing import shortened
from securemnist.results.evidence.supply_chain import SupplyCheck
from securemnist.supply_chain.data_record import DataRecord, SplitRecord

_LISTED = 5  # classes that a check lists
_FEW = 1e-6  # statistics of equal pixels differ by rounding only


def checks(recorded: DataRecord, found: DataRecord) -> list[SupplyCheck]:
    """Checks of files, splits and equal images; those that do not hold say what kind of change it is."""
    checks = [_files(recorded, found)]
    for name in dict.fromkeys([*recorded.splits, *found.splits]):
        old, new = recorded.splits.get(name), found.splits.get(name)
        if old is None or new is None:
            checks.append(_check(name, "the split", _there(old), _there(new)))
        else:
            checks += _split(name, old, new)
    pairs = dict.fromkeys([*recorded.shared, *found.shared])
    checks += [
        _check(pair, "equal images", recorded.shared.get(pair), found.shared.get(pair))
        for pair in pairs
    ]
    return checks


def _there(split: SplitRecord | None) -> str:
    return "none" if split is None else f"{split.images:,} images"


def _files(recorded: DataRecord, found: DataRecord) -> SupplyCheck:
    names = dict.fromkeys([*recorded.files, *found.files])
    changed = [name for name in names if recorded.files.get(name) != found.files.get(name)]
    got = f"{changed[0]} and {len(changed) - 1} others differ" if changed else "all are equal"
    expected = f"SHA-256 of {len(recorded.files)} files as recorded"
    return SupplyCheck("files", found.name, expected, got, not changed)


def _split(name: str, old: SplitRecord, new: SplitRecord) -> Iterator[SupplyCheck]:
    yield _digest(name, "pixels (SHA-256)", old.pixels, new.pixels)
    yield _digest(name, "labels (SHA-256)", old.labels, new.labels)
    yield _check(name, "images", old.images, new.images)
    yield _counts(name, [part.n for part in old.classes], [part.n for part in new.classes])
    yield _check(name, "repeated images", old.repeated, new.repeated)
    yield _check(name, "equal images with other labels", old.conflicting, new.conflicting)
    pairs = enumerate(zip(old.classes, new.classes, strict=False))
    changed = [label for label, (a, b) in pairs if not _near(a.mean, b.mean)]
    yield _check(name, "classes with another mean image", [], changed)


def _digest(place: str, name: str, old: str, new: str) -> SupplyCheck:
    return SupplyCheck(name, place, shortened(old), shortened(new), old == new)


def _counts(place: str, old: list[int], new: list[int]) -> SupplyCheck:
    """The numbers of images of the first classes where they differ."""
    pairs = [(k, *pair) for k, pair in enumerate(zip_longest(old, new, fillvalue=0))]
    changed = [(k, before, after) for k, before, after in pairs if before != after][:_LISTED]
    expected = ", ".join(f"class {k}: {before:,}" for k, before, _ in changed)
    found = ", ".join(f"class {k}: {after:,}" for k, _, after in changed)
    same = f"{len(old)} classes as recorded"
    return _check(place, "images a class", expected or same, found or same)


def _near(old: list[float], new: list[float]) -> bool:
    return len(old) == len(new) and all(abs(a - b) <= _FEW for a, b in zip(old, new, strict=True))


def _check(place: str, name: str, expected: object, found: object) -> SupplyCheck:
    return SupplyCheck(name, place, _text(expected), _text(found), expected == found)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value[:_LISTED])) or "none"
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
