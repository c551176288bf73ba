"""The comparison as one self-contained page; its first screen says whether the new version may come."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path

from securemnist.comparison import wording
from securemnist.comparison.change import Word
from securemnist.comparison.comparison import Comparison
from securemnist.comparison.document import Latency
from securemnist.comparison.view import rows
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view import html, requirement_text
from securemnist.view import wording as report_words
from securemnist.view.wording import NONE

_TEMPLATES = Path(__file__).parent / "templates"
_ENTRIES = 200


def render(made: Comparison) -> bytes:
    """The page; equal comparisons give equal bytes."""
    shown = rows(made)
    inside = [row for row in shown if row.in_scope]
    ranked = {change.id: place for place, change in enumerate(made.blocking)}
    blocking = sorted((r for r in inside if r.blocks), key=lambda r: ranked.get(r.key, 0))
    return html.render(
        "compare.html.j2",
        _TEMPLATES,
        headline=wording.headline(made),
        old=_subject(made.old),
        new=_subject(made.new),
        counts=[
            {
                "kind": str(word).replace(" ", "-"),
                "symbol": wording.SYMBOLS[word],
                "word": str(word),
                "number": made.counts[str(word)],
            }
            for word in Word
            if made.counts[str(word)]
        ],
        margin=f"{made.margin:g}",
        decided=line(made.new.decided, 20),
        exit_code=made.exit_code,
        blocking=blocking,
        own=[_own(finding) for finding in wording.own(made)],
        rows=[row for row in inside if row.compared],
        uncompared=[row for row in shown if not row.compared],
        rounds=made.latency.rounds if made.latency else None,
        timings=_timings(made.latency) if made.latency else [],
        record=_record(made),
    )


def _subject(side: Assessment) -> dict[str, str]:
    digest = line(side.subject.get("digest") or "", 80)
    return {
        "name": line(side.subject.get("name") or "unnamed model", 80),
        "digest": f"{digest[:16]}…" if len(digest) > 16 else digest,
        "version": report_words.version_of(side),
        "day": line(side.day, 20),
    }


def _own(finding: Finding) -> dict[str, str]:
    return {
        "id": line(finding.requirement.id, 60),
        "kind": finding.verdict.value.lower().replace("_", "-"),
        "symbol": report_words.SYMBOLS[finding.verdict],
        "label": finding.label,
        "claim": requirement_text.claim(finding),
        "sentence": report_words.sentence(finding),
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


def _record(made: Comparison) -> list[tuple[str, str, str, str]]:
    """Facts of both sides by name, and which differ."""
    old, new = (dict(_facts(side)) for side in (made.old, made.new))
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
