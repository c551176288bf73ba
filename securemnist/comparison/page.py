"""The comparison as one self-contained page; its first screen says whether the new version may come."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable
from pathlib import Path

from securemnist.comparison import wording
from securemnist.comparison.change import Change, Word
from securemnist.comparison.changed_images import Images
from securemnist.comparison.comparison import Comparison
from securemnist.report.details import flattened
from securemnist.results.assessment import Assessment
from securemnist.results.json_model import table
from securemnist.sanitize import line
from securemnist.view import jinja, requirement_text
from securemnist.view.class_names import SHOWN, ClassNames
from securemnist.view.interval_bar import IntervalBar, of_difference
from securemnist.view.numbers import NONE, counts

_TEMPLATES = Path(__file__).parent / "templates"
_ENTRIES = 200
_NOT_IN_ANCHOR = re.compile(r"[^A-Za-z0-9_-]+")


def render(comparison: Comparison) -> bytes:
    """The page; equal comparisons give equal bytes."""
    images, names = Images(comparison.new), ClassNames.of(comparison.new.subject)
    old = {finding.requirement.id: finding for finding in comparison.old.findings}
    new = {finding.requirement.id: finding for finding in comparison.new.findings}
    inside = comparison.changes_in_scope
    asked = {change.id for change in inside}
    return jinja.page(
        "compare.html.j2",
        _TEMPLATES,
        comparison=comparison,
        words=wording,
        requirement_claim=lambda finding: requirement_text.claim(finding, names),
        headline=wording.headline(comparison),
        models=_title(comparison),
        counts=counts((change.word for change in inside), wording.SYMBOLS),
        own=wording.own(comparison),
        anchors={
            change.id: f"row-{k}-{_NOT_IN_ANCHOR.sub('-', change.id[:60]).strip('-')}"
            for k, change in enumerate(comparison.changes)
        },
        rows=[change for change in inside if change.word is not Word.NOT_COMPARABLE],
        uncompared=[change for change in inside if change.word is Word.NOT_COMPARABLE],
        outside=[change for change in comparison.changes if change.id not in asked],
        bar=_bar,
        broken=lambda change: images.of(change.broken, new.get(change.id), change.unit),
        safe=lambda change: images.of(change.safe, old.get(change.id), change.unit),
        spread=_spread,
        shown=SHOWN,
        record=_record(comparison),
    )


def _title(comparison: Comparison) -> str:
    """`old → new`, or the name that both have."""
    sides = comparison.old, comparison.new
    names = [line(side.subject.get("name") or "unnamed model", 80) for side in sides]
    return " → ".join(dict.fromkeys(names))


def _bar(change: Change) -> IntervalBar | None:
    if change.difference is None or change.low is None or change.high is None:
        return None
    if change.unit not in ("share", "ratio"):
        return None
    numbers = change.difference, change.low, change.high, change.margin
    return of_difference(*numbers, change.unit)


def _spread(seconds: list[float]) -> str:
    """Milliseconds: the median and the range."""
    middle, low, high = (1000 * f(seconds) for f in (statistics.median, min, max))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def _record(comparison: Comparison) -> list[tuple[str, str, str, str]]:
    old, new = (dict(_identity(side)) for side in (comparison.old, comparison.new))
    names = list(dict.fromkeys([*new, *old]))[:_ENTRIES]
    both = [(name, old.get(name, NONE), new.get(name, NONE)) for name in names]
    return [(*entry, "" if entry[1] == entry[2] else "yes") for entry in both]


def _identity(side: Assessment) -> Iterable[tuple[str, str]]:
    subject, environment = side.subject, side.environment
    for key in ("spec", "architecture", "parameters", "device", "digest"):
        yield key, line(subject.get(key, NONE), 200)
    yield "policy digest", line(side.policy.get("digest", NONE), 80)
    for key in ("commit", "python", "platform", "processor"):
        yield key, line(environment.get(key, NONE), 100)
    for prefix, entries in (("recipe ", subject.get("recipe")), ("", environment.get("packages"))):
        yield from flattened(table(entries), prefix)
