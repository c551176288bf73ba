"""Readers of the digits that a measurement keeps to be looked at, as strict as those of numbers."""

from __future__ import annotations

from dataclasses import dataclass

from securemnist.results.evidence import Evidence
from securemnist.results.per_image import CLASSES
from securemnist.results.value_checks import items, mapping, pixels, real, whole
from securemnist.sanitize import line


@dataclass(frozen=True, kw_only=True)
class Digit:
    """One digit before and after; pixels are 784 bytes, row by row."""

    index: int
    label: int
    before: int
    after: int
    confidence: float
    clean: bytes
    changed: bytes
    broken_by: str = ""
    clean_confidence: float | None = None


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """One unmodified digit: what it is, what it is read as, and by how much (in logits)."""

    index: int
    label: int
    read_as: int
    margin: float
    pixels: bytes


def gallery(evidence: Evidence, key: str) -> tuple[Digit, ...] | None:
    """Digits to look at; one that cannot be drawn makes the gallery malformed."""
    if not (value := evidence.get(key)):
        return None
    return tuple(_digit(mapping(entry, key), key) for entry in items(value, key))


def _digit(entry: Evidence, key: str) -> Digit:
    before = entry.get("clean_confidence")  # older assessments have none
    return Digit(
        index=whole(entry.get("index"), key),
        label=whole(entry.get("label"), key, CLASSES - 1),
        before=whole(entry.get("clean_prediction"), key, CLASSES - 1),
        after=whole(entry.get("prediction"), key, CLASSES - 1),
        confidence=real(entry.get("confidence"), key, 1.0),
        clean=pixels(entry.get("clean"), key),
        changed=pixels(entry.get("adversarial"), key),
        broken_by=line(entry.get("broken_by", ""), 24),
        clean_confidence=None if before is None else real(before, key, 1.0),
    )


def hardest(evidence: Evidence) -> tuple[Portrait, ...] | None:
    """The unmodified digits of the smallest margin, those misread by most first."""
    if not (value := evidence.get("hardest")):
        return None
    return tuple(_portrait(mapping(entry, "hardest")) for entry in items(value, "hardest"))


def _portrait(entry: Evidence) -> Portrait:
    return Portrait(
        index=whole(entry.get("index"), "hardest"),
        label=whole(entry.get("label"), "hardest", CLASSES - 1),
        read_as=whole(entry.get("prediction"), "hardest", CLASSES - 1),
        margin=real(entry.get("margin"), "hardest", low=-1e9),
        pixels=pixels(entry.get("clean"), "hardest"),
    )
