"""One change as the page shows it: every text cleaned and cut, nothing left to compute."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from securemnist.comparison import wording
from securemnist.comparison.change import Change, Word
from securemnist.comparison.changed_images import Pictures, Shown
from securemnist.comparison.comparison import Comparison
from securemnist.sanitize import line

Fact = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Forest:
    """Places from 0 to 100 on a line of differences; the zone is the margin around zero."""

    first: str
    last: str
    value: float
    low: float
    high: float
    zero: float
    zone_from: float
    zone_to: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the template reads. `kind` is the word as a class of the style sheet."""

    key: str
    anchor: str
    id: str
    kind: str
    symbol: str
    label: str
    claim: str
    in_scope: bool
    compared: bool
    blocks: bool
    waived: bool
    old: str
    new: str
    sentence: str
    reason: str
    next_step: str
    notes: tuple[str, ...]
    facts: tuple[Fact, ...]
    forest: Forest | None
    broken: Shown
    safe: Shown
    classes: tuple[tuple[str, ...], ...]
    stages: tuple[tuple[str, ...], ...]


def rows(made: Comparison) -> list[Row]:
    """A row for each change, in the order of the policy, with anchors that no two share."""
    pictures = Pictures(made.new)
    old = {f.requirement.id: f for f in made.old.findings}
    new = {f.requirement.id: f for f in made.new.findings}
    shown = []
    for number, change in enumerate(made.changes):
        before, after = wording.sides(change)
        slug = re.sub(r"[^A-Za-z0-9_-]+", "-", change.id[:60]).strip("-")
        shown.append(
            Row(
                key=change.id,
                anchor=f"row-{number}-{slug}",
                id=line(change.id, 60),
                kind=str(change.word).replace(" ", "-"),
                symbol=wording.SYMBOLS[change.word],
                label=change.label,
                claim=change.claim or change.measure.replace("_", " "),
                in_scope=change.in_scope,
                compared=change.word is not Word.NOT_COMPARABLE,
                blocks=change.blocks,
                waived=change.excused,
                old=before,
                new=after,
                sentence=wording.sentence(change),
                reason=line(change.reason, 300),
                next_step=wording.next_step(change),
                notes=tuple(line(note, 200) for note in change.notes),
                facts=tuple(_facts(change)),
                forest=_forest(change),
                broken=pictures.show(change.broken, new.get(change.id), change.unit),
                safe=pictures.show(change.safe, old.get(change.id), change.unit),
                classes=tuple(_classes(change)),
                stages=tuple((s.name, f"{s.old:,}", f"{s.new:,}") for s in change.stages),
            )
        )
    return shown


def _facts(change: Change) -> Iterable[Fact]:
    yield "measure", f"{change.measure} {change.relation} {change.threshold:g}"
    yield "verdicts", f"{change.old.label} → {change.new.label}"
    yield "difference", f"{wording.difference(change)}, {change.paired}"
    if change.p_value is not None:
        yield "McNemar, exact", f"p = {change.p_value:.2g}"
    for bound in change.bounds:
        yield "bound", line(bound, 300)
    bracket = wording.bracket(change)
    if bracket is not None:
        yield "[proved, attacked]", f"{bracket[0]} → {bracket[1]}"
    seconds = [side.seconds for side in (change.old, change.new)]
    if None not in seconds:
        yield "seconds to measure", f"{seconds[0]:g} → {seconds[1]:g}"


def _forest(change: Change) -> Forest | None:
    if change.difference is None or change.low is None or change.high is None:
        return None
    if change.unit == "count":
        return None
    marks = (change.low, change.high, 0.0, -change.margin, change.margin)
    spread = max(max(marks) - min(marks), 1e-6)
    first, last = min(marks) - 0.1 * spread, max(marks) + 0.1 * spread

    def place(mark: float) -> float:
        return round(100 * (mark - first) / (last - first), 2)

    return Forest(
        first=f"{first:+.3g}",
        last=f"{last:+.3g}",
        value=place(change.difference),
        low=place(change.low),
        high=place(change.high),
        zero=place(0.0),
        zone_from=place(-change.margin),
        zone_to=place(change.margin),
    )


def _classes(change: Change) -> Iterable[tuple[str, ...]]:
    for part in change.classes:
        difference = f"{part.new - part.old:+.4f}"
        interval = f"{part.low:+.4f} to {part.high:+.4f}"
        yield part.name, f"{part.n:,}", f"{part.old:.4f}", f"{part.new:.4f}", difference, interval
