"""A class, or a kind of corruption, that is worse although the number of its row is not."""

from __future__ import annotations

import numpy as np
import pytest

from securemnist.comparison.change import Word
from securemnist.comparison.per_image import EventMatrix
from securemnist.comparison.worse_part import worse_class
from securemnist.results.evidence.natural import CorruptionEvidence, CorruptionResult
from securemnist.results.findings import Finding
from securemnist.view.class_names import NUMBERS
from tests.comparison.builders import LABELS, change, changed, judged, read_as, robust

KINDS = [f"kind {number}" for number in range(14)]


def of_class(label: str, count: int, code: str = "1") -> str:
    """Outcomes in which so many images of a class are broken, and no others."""
    places = [place for place, own in enumerate(LABELS) if own == label][:count]
    return "".join(code if place in set(places) else "." for place in range(len(LABELS)))


def corrupted(accuracies: list[float], **row: object) -> Finding:
    """A finding of the mean over kinds with these accuracies, on 300 images."""
    results = [
        CorruptionResult(kind=kind, accuracy=[accuracy])
        for kind, accuracy in zip(KINDS, accuracies, strict=True)
    ]
    evidence, mean = CorruptionEvidence(corruptions=results), sum(accuracies) / len(accuracies)
    interval = {"low": mean - 0.03, "high": mean + 0.03, "complete": False}
    return judged("NAT-01", "corruption_accuracy", mean, evidence, n=300, measured=interval, **row)


def test_a_worse_class_is_named_where_all_classes_together_are_the_same() -> None:
    """Sixty of a thousand images of one class are lost: 0.6 points of all images."""
    found = change(robust("." * len(LABELS)), robust(of_class("3", 60)))
    assert found.word is Word.SAME
    (note,) = found.notes
    assert note.startswith("class 3 is worse: 1.0000 -> 0.9400 [-0.0")


@pytest.mark.parametrize("broken", [of_class("3", 12), "1" * 60 + "." * (len(LABELS) - 60)])
def test_chance_and_small_losses_are_no_note(broken: str) -> None:
    """Losses of all classes, or within the margin, say nothing of one."""
    assert change(robust("." * len(LABELS)), robust(broken)).notes == ()


def test_a_row_that_blocks_needs_no_note() -> None:
    """Where the row is worse without a limit, its table of classes says where."""
    old, new = robust("." * len(LABELS)), robust(of_class("3", 800))
    assert change(old, new).word is Word.WORSE
    assert change(old, new).notes == ()
    within = change(old, changed(new, max_drop=0.2))
    assert "class 3 is worse" in within.notes[-1]


def test_a_worse_kind_of_corruption_is_named() -> None:
    """One of fourteen kinds falls by a third; the mean falls by less than its interval."""
    old, new = corrupted([0.9] * 14), corrupted([*[0.9] * 5, 0.55, *[0.9] * 8])
    found = change(old, new)
    assert found.word is Word.CANNOT_TELL
    assert found.notes[0].startswith("kind 5 is worse: 0.9000 -> 0.5500 [-0.4")
    assert change(new, old).notes == ()
    assert change(old, corrupted([*[0.9] * 5, 0.87, *[0.9] * 8])).notes == ()


def test_more_hits_of_a_trigger_are_worse() -> None:
    """Of rows with `at_most` the class of the larger share is the bad one."""
    labels, places = np.arange(2_000) % 2, np.arange(2_000)
    hits = ((labels == 1) & (places < 120)).astype(np.int8)
    old, new = (EventMatrix("all", labels, places, e[None]) for e in (0 * hits, hits))
    found = worse_class(old, new, NUMBERS, up=False)
    assert found is not None
    assert (found.name, found.old, found.new) == ("class 1", 0.0, 0.06)
    assert worse_class(old, new, NUMBERS, up=True) is None


def test_a_class_read_worse_is_named_of_clean_rows() -> None:
    """Clean accuracy records answers, and not outcomes."""
    n = 5_000
    text = "".join(
        "4" if own == "3" and place < 250 else own for place, own in enumerate(LABELS[:n])
    )
    found = change(read_as(LABELS[:n]), read_as(text))
    assert found.word is Word.SAME
    assert "class 3 is worse" in found.notes[0]
