"""The comparison as one self-contained page; its first screen says whether the new version may come."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path

from securemnist.comparison import wording
from securemnist.comparison.change import Change, Word
from securemnist.comparison.comparison import Comparison
from securemnist.comparison.document import Latency
from securemnist.comparison.view import rows
from securemnist.results.assessment import Assessment
from securemnist.sanitize import line
from securemnist.view import html, requirement_text
from securemnist.view import wording as report_words
from securemnist.view.count import counts
from securemnist.view.wording import NONE

_TEMPLATES = Path(__file__).parent / "templates"
_ENTRIES = 200


def render(comparison: Comparison) -> bytes:
    """The page; equal comparisons give equal bytes."""
    page_rows = rows(comparison)
    inside = [row for row in page_rows if row.change.in_scope]
    place = {change.id: place for place, change in enumerate(comparison.blocking)}
    blocking = [row for row in inside if row.change.blocks]
    return html.render(
        "compare.html.j2",
        _TEMPLATES,
        words=wording,
        requirement_claim=requirement_text.claim,
        stages=_stages,
        headline=wording.headline(comparison),
        old=_subject(comparison.old),
        new=_subject(comparison.new),
        counts=counts((row.change.word for row in inside), wording.SYMBOLS),
        margin=f"{comparison.margin:g}",
        decided=line(comparison.new.decided, 20),
        exit_code=comparison.exit_code,
        blocking=sorted(blocking, key=lambda row: place.get(row.change.id, 0)),
        own=wording.own(comparison),
        rows=[row for row in inside if row.change.word is not Word.NOT_COMPARABLE],
        uncompared=[row for row in page_rows if row.change.word is Word.NOT_COMPARABLE],
        rounds=comparison.latency.rounds if comparison.latency else None,
        timings=_timings(comparison.latency) if comparison.latency else [],
        record=_record(comparison),
    )


def _stages(change: Change) -> list[tuple[str, ...]]:
    """The rows of the table by attack."""
    return [(stage.name, f"{stage.old:,}", f"{stage.new:,}") for stage in change.stages]


def _subject(side: Assessment) -> dict[str, str]:
    digest = line(side.subject.get("digest") or "", 80)
    return {
        "name": line(side.subject.get("name") or "unnamed model", 80),
        "digest": f"{digest[:16]}…" if len(digest) > 16 else digest,
        "version": report_words.version_of(side),
        "day": line(side.day, 20),
    }


def _timings(latency: Latency) -> list[tuple[str, ...]]:
    """One row a batch size: medians with their spread, and the ratio."""
    return [
        (
            str(timed.batch),
            _spread(timed.old_seconds),
            _spread(timed.new_seconds),
            f"{timed.ratio:.3f}",
            f"{timed.low:.3f} to {timed.high:.3f}",
        )
        for timed in latency.timings
    ]


def _spread(seconds: list[float]) -> str:
    middle, low, high = (1000 * f(seconds) for f in (statistics.median, min, max))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def _record(comparison: Comparison) -> list[tuple[str, str, str, str]]:
    """Facts of both sides by name, and which differ."""
    old, new = (dict(_facts(side)) for side in (comparison.old, comparison.new))
    names = list(dict.fromkeys([*new, *old]))[:_ENTRIES]
    both = [(name, old.get(name, NONE), new.get(name, NONE)) for name in names]
    return [(*entry, "" if entry[1] == entry[2] else "yes") for entry in both]


def _facts(side: Assessment) -> Iterable[tuple[str, str]]:
    subject, environment = side.subject, side.environment
    for key in ("spec", "architecture", "parameters", "device", "digest"):
        yield key, line(subject.get(key, NONE), 200)
    yield "policy digest", line(side.policy.get("digest", NONE), 80)
    for key in ("commit", "python", "platform", "processor"):
        yield key, line(environment.get(key, NONE), 100)
    for title, table in (("recipe", subject.get("recipe")), ("", environment.get("packages"))):
        for key, value in table.items() if isinstance(table, Mapping) else ():
            yield line(f"{title} {key}".strip(), 80), line(value, 200)
