"""Exhibits: what a finding's evidence shows, each as a picture with its table and its words."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

from securemnist.findings import Finding
from securemnist.report import evidence, pictures
from securemnist.report.checked import Malformed
from securemnist.report.evidence import CLASSES
from securemnist.report.exhibit import Exhibit, Table, of_total
from securemnist.report.gallery import before_and_after
from securemnist.report.words import NONE, plural

ENTRIES = 200  # lines a table shows


def exhibits(finding: Finding) -> tuple[Exhibit, ...]:
    """Everything that the finding's evidence lets one see, in the order to look at it."""
    if finding.measurement is None:
        return ()
    shown = []
    for title, make in _MAKERS.items():
        try:
            exhibit = make(finding, finding.measurement.evidence)
        except Malformed as error:
            exhibit = Exhibit(title=title, missing=f"No picture: malformed evidence, {error}.")
        if exhibit is not None:
            shown.append(exhibit)
    return tuple(shown)


def not_recorded(finding: Finding) -> tuple[str, ...]:
    """Titles of the exhibits that a row of this family could have and this one has not."""
    if finding.measurement is None:
        return ()
    seen = finding.measurement.evidence
    expected = _EXPECTED.get(finding.family, {})
    return tuple(title for key, title in expected.items() if seen.get(key) is None)


def _stages(_: Finding, seen: evidence.Evidence) -> Exhibit | None:
    stages = evidence.waterfall(seen)
    if stages is None:
        return None
    fell = sum(stage.fell for stage in stages)
    caption = (
        f"Of {plural(stages[0].entered, 'digit')}, {fell:,} fell; each stage works only on what "
        "the stages above it left."
    )
    rows = tuple(
        (s.name, f"{s.entered:,}", f"{s.fell:,}", f"{s.over_budget:,}", f"{s.seconds:.1f}")
        for s in stages
    )
    return Exhibit(
        title="Digits left after each stage",
        caption=caption,
        picture=pictures.waterfall(stages, alt=caption),
        table=Table(head=("stage", "entered", "fell", "over budget", "seconds"), rows=rows),
    )


def _fates(_: Finding, seen: evidence.Evidence) -> Exhibit | None:
    classes = evidence.fates(seen)
    if classes is None:
        return None
    caption = (
        "From below: proved safe, survived every attack that was tried, broken by one, "
        "misread without any. True robust accuracy lies between proved and proved + survived."
    )
    rows = tuple(
        (str(digit), f"{fate.total:,}", *(f"{getattr(fate, kind):,}" for kind in pictures.FATES))
        for digit, fate in enumerate(classes)
    )
    return Exhibit(
        title="What became of each class",
        caption=caption,
        picture=pictures.fates(classes, alt=caption),
        table=Table(
            head=("class", "digits", "proved", "survived", "not tried", "broken", "misread"),
            rows=rows,
        ),
    )


def _confusion(finding: Finding, seen: evidence.Evidence) -> Exhibit | None:
    counts = evidence.confusion(seen)
    if counts is None:
        return None
    total = sum(map(sum, counts))
    right = sum(counts[digit][digit] for digit in range(CLASSES))
    where = {"adversarial": " under attack", "backdoor": " with the trigger"}
    caption = f"{right:,} of {total:,} digits on the diagonal are right; the rest is misread."
    rows = tuple((str(digit), *(f"{n:,}" for n in row)) for digit, row in enumerate(counts))
    return Exhibit(
        title="Which digit is read as which" + where.get(finding.family, ""),
        caption=caption,
        picture=pictures.confusion(counts, alt=caption),
        table=Table(head=("true \\ read as", *map(str, range(CLASSES))), rows=rows),
    )


def _classes(finding: Finding, seen: evidence.Evidence) -> Exhibit | None:
    triggered = "per_class_asr" in seen
    values = evidence.per_class(seen, "per_class_asr" if triggered else "per_class")
    if values is None:
        return None
    known = {digit: value for digit, value in enumerate(values) if value is not None}
    if not known:
        raise Malformed("per_class: expected at least one class with digits")
    worst = (max if triggered else min)(known, key=known.__getitem__)
    what = "attack success" if triggered else "accuracy"
    caption = f"The worst class is {worst} with {known[worst]:.4f}; the dashed line is required."
    return Exhibit(
        title=f"{what.capitalize()} by class",
        caption=caption,
        picture=pictures.shares(
            values, bad=triggered, limit=finding.requirement.threshold, what=what, alt=caption
        ),
        table=Table(
            head=("class", what),
            rows=tuple((str(d), NONE if v is None else f"{v:.4f}") for d, v in enumerate(values)),
        ),
    )


def _curve(finding: Finding, seen: evidence.Evidence) -> Exhibit | None:
    points = evidence.curve(seen)
    if points is None:
        return None
    caption = "Accuracy that each attack left; at eps 1 a pixel may go from black to white."
    threat = finding.requirement.settings.get("threat")
    eps = evidence.quantity(threat, "eps") if isinstance(threat, Mapping) else None
    at_least = finding.requirement.at_least
    required = (eps, at_least) if eps is not None and at_least is not None else None
    return Exhibit(
        title="Accuracy over the size of the change",
        caption=caption,
        picture=pictures.curve(points, required, alt=caption),
        table=Table(
            head=("attack", "eps", "accuracy", "digits"),
            rows=tuple(
                (p.attack, f"{p.eps:g}", f"{p.accuracy:.4f}", f"{p.n:,}") for p in points[:ENTRIES]
            ),
        ),
    )


def _times(_: Finding, seen: evidence.Evidence) -> Exhibit | None:
    series = evidence.samples(seen)
    if series is None:
        return None
    rows = tuple(
        (
            name,
            str(len(s)),
            *(f"{1000 * t:.4g}" for t in (min(s), statistics.median(s), max(s))),
        )
        for name, s in series
    )
    middle = ", ".join(f"{row[0]} {row[3]} ms" for row in rows)
    caption = f"Every dot is one timing, spread out to be seen; medians: {middle}."
    return Exhibit(
        title="Timings",
        caption=caption,
        picture=pictures.times(series, alt=caption),
        table=Table(head=("series", "timings", "least ms", "median ms", "most ms"), rows=rows),
    )


def _notices(_: Finding, seen: evidence.Evidence) -> Exhibit | None:
    found = evidence.notices(seen)
    if found is None:
        return None
    kept = found[:ENTRIES]
    rows = tuple((n.place, n.severity, f"{n.tool} {n.rule}", n.message, n.advice) for n in kept)
    head = ("place", "severity", "rule", "what is wrong", "what to do")
    table = Table(head=head, rows=rows, prose=True) if rows else None
    caption = f"{of_total(len(kept), len(found), 'place')}" if found else "The tools found nothing."
    return Exhibit(title="Places in the source", caption=caption, table=table)


_MAKERS: Mapping[str, Callable[[Finding, evidence.Evidence], Exhibit | None]] = {
    "Digits before and after": before_and_after,
    "Digits left after each stage": _stages,
    "What became of each class": _fates,
    "Which digit is read as which": _confusion,
    "By class": _classes,
    "Accuracy over the size of the change": _curve,
    "Timings": _times,
    "Places in the source": _notices,
}
_EXPECTED = {
    "clean": {"confusion": "the confusion matrix", "per_class": "the classes"},
    "adversarial": {
        "gallery": "digits before and after",
        "waterfall": "the stages",
        "outcomes": "what became of each class",
        "confusion": "the confusion matrix",
    },
    "backdoor": {
        "triggered_gallery": "digits with the trigger",
        "per_class_asr": "the classes",
    },
    "latency": {"samples": "the timings"},
    "static": {"static": "the places"},
}
