"""One change as the page shows it: what the template does not take from the change itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from securemnist.comparison import wording
from securemnist.comparison.change import Change
from securemnist.comparison.changed_images import Images, TurnedImages
from securemnist.comparison.comparison import Comparison
from securemnist.sanitize import line
from securemnist.view.interval_bar import IntervalBar, of_difference

Fact = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A change with its anchor, its facts, and the images that only one version withstands."""

    change: Change
    anchor: str
    facts: tuple[Fact, ...]
    bar: IntervalBar | None
    broken: TurnedImages
    safe: TurnedImages
    classes: tuple[tuple[str, ...], ...]


def rows(comparison: Comparison) -> list[Row]:
    """A row for each change, in the order of the policy, with anchors that no two share."""
    images = Images(comparison.new)
    old = {f.requirement.id: f for f in comparison.old.findings}
    new = {f.requirement.id: f for f in comparison.new.findings}
    rows = []
    for number, change in enumerate(comparison.changes):
        slug = re.sub(r"[^A-Za-z0-9_-]+", "-", change.id[:60]).strip("-")
        rows.append(
            Row(
                change=change,
                anchor=f"row-{number}-{slug}",
                facts=tuple(_facts(change)),
                bar=_bar(change),
                broken=images.of(change.broken, new.get(change.id), change.unit),
                safe=images.of(change.safe, old.get(change.id), change.unit),
                classes=tuple(_classes(change)),
            )
        )
    return rows


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


def _bar(change: Change) -> IntervalBar | None:
    if change.difference is None or change.low is None or change.high is None:
        return None
    if change.unit == "count":
        return None
    return of_difference(change.difference, change.low, change.high, change.margin)


def _classes(change: Change) -> Iterable[tuple[str, ...]]:
    for part in change.classes:
        difference = f"{part.new - part.old:+.4f}"
        interval = f"{part.low:+.4f} to {part.high:+.4f}"
        yield part.name, f"{part.n:,}", f"{part.old:.4f}", f"{part.new:.4f}", difference, interval
