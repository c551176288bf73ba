"""Exhibits: what a finding's evidence shows, each as a picture with its table and its words."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from securemnist.report import charts, gallery, matrices
from securemnist.report.figure import Exhibit, Panel, Table, of_total
from securemnist.results import evidence
from securemnist.results.findings import Finding
from securemnist.results.value_checks import Malformed
from securemnist.sanitize import line
from securemnist.view.wording import NONE, plural

ENTRIES = 200  # lines a table shows


def exhibits(finding: Finding) -> tuple[Exhibit, ...]:
    """Everything that the finding's evidence lets one see, in the order to look at it."""
    if finding.measurement is None:
        return ()
    shown = []
    for kind, (title, make) in _MAKERS.items():
        try:
            exhibit = make(finding, finding.measurement.evidence)
        except Malformed as error:
            missing = f"No picture: malformed evidence, {error}."
            exhibit = Exhibit(kind=kind, title=title, missing=missing)
        if exhibit is not None:
            shown.append(exhibit)
    return tuple(shown)


def not_recorded(finding: Finding) -> tuple[str, ...]:
    """Titles of the exhibits that a row of this family could have and this one has not."""
    if finding.measurement is None:
        return ()
    seen = finding.measurement.evidence
    expected = finding.family.figures
    return tuple(line(title, 60) for key, title in expected.items() if seen.get(key) is None)


def _stages(_: Finding, seen: evidence.Evidence) -> Exhibit | None:
    stages = evidence.waterfall(seen)
    if stages is None:
        return None
    fell = sum(stage.fell for stage in stages)
    proved = sum(stage.proved for stage in stages)
    told = f", {proved:,} were proved safe" if proved else ""
    caption = f"Of {plural(stages[0].entered, 'digit')}, {fell:,} fell{told}"
    caption += "; each stage works on what the stages above it left open." if stages[1:] else "."
    rows = tuple(
        (s.name, *(f"{n:,}" for n in (s.entered, s.proved, s.fell)), f"{s.seconds:.1f}",
         f"{s.over_budget:,}")
        for s in stages
    )  # fmt: skip
    head = ("stage", "entered", "proved", "fell", "seconds", "over budget")
    return Exhibit(
        kind="stages",
        title="Survivors after each attack",
        caption=caption,
        # One stage is one bar: its numbers say more.
        panels=(Panel(picture=charts.waterfall(stages, alt=caption)),) if stages[1:] else (),
        table=Table(head=head, rows=rows),
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
    verb = line(finding.family.misread, 60)
    pairs = finding.requirement.settings.get("target") == "pair"
    if triggered:
        verb = f"steered to {'one other class' if pairs else 'the target'}"
    bad = [v if triggered or v is None else 1 - v for v in values]
    limit = finding.requirement.threshold if triggered else 1 - finding.requirement.threshold
    caption = (
        f"Percent of each class. Class {worst} fares worst: {_percent(round(bad[worst] or 0, 3))}."
    )
    whose = "of the worst pair" if pairs else "over all its digits"
    if "worst_class" in seen:
        whose = "of the worst class"
    caption += f" Dashed: the {_percent(limit)} that the row allows {whose}."
    what = "attack success" if triggered else "accuracy"
    return Exhibit(
        kind="classes",
        title=f"Digits {verb}, by class",
        caption=caption,
        panels=(Panel(picture=charts.bars(bad, limit, alt=caption)),),
        table=Table(
            head=("class", what),
            rows=tuple((str(d), NONE if v is None else f"{v:.4f}") for d, v in enumerate(values)),
        ),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g}\N{NO-BREAK SPACE}%"


def _curve(finding: Finding, seen: evidence.Evidence) -> Exhibit | None:
    lines = evidence.curves(seen)
    if lines is None:
        return None
    beside = sum(one.reference for one in lines)
    attack = lines[0].attack
    attack = f"the {attack}" if attack.startswith("ladder") else attack
    caption = f"What {attack} leaves of the accuracy; at eps 1 black may become white."
    own = (one for one in lines if not one.reference)
    if any(p.certified is not None for one in own for p in one.points):
        caption += " Shaded: from what is proved up to what survived; there the truth lies."
    if beside:
        caption += f" Thin: {plural(beside, 'reference model')}, measured in the same way."
    threat = finding.requirement.settings.get("threat")
    eps = evidence.quantity(threat, "eps") if isinstance(threat, Mapping) else None
    at_least = finding.requirement.at_least
    required = (eps, at_least) if eps is not None and at_least is not None else None
    return Exhibit(
        kind="curve",
        title="Robust accuracy vs. epsilon",
        caption=caption,
        panels=(Panel(picture=charts.curve(lines, required, alt=caption)),),
        table=_points(lines),
    )


def _points(lines: Sequence[evidence.Line]) -> Table:
    """A line for each point; the attack stands in it only where there are several."""
    several = len({one.attack for one in lines}) > 1
    head = ("network", *(["attack"] if several else []), "eps", "accuracy", "proved", "digits")
    rows = [
        (
            one.name,
            *([one.attack] if several else []),
            f"{p.eps:g}",
            f"{p.accuracy:.4f}",
            NONE if p.certified is None else f"{p.certified:.4f}",
            f"{p.n:,}",
        )
        for one in lines
        for p in one.points
    ]
    return Table(head=head, rows=tuple(rows[:ENTRIES]))


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
    caption = "Every dot is one timing, spread out to be seen; the sides took turns."
    return Exhibit(
        kind="times",
        title="Inference time",
        caption=caption,
        panels=(Panel(picture=charts.times(series, alt=caption)),),
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
    return Exhibit(kind="notices", title="Findings in the code", caption=caption, table=table)


_Make = Callable[[Finding, evidence.Evidence], Exhibit | None]
_MAKERS: Mapping[str, tuple[str, _Make]] = {
    "curve": ("Robust accuracy vs. epsilon", _curve),
    "fates": ("Certified / survived / broken, per image", matrices.fates),
    "classes": ("By class", _classes),
    "stages": ("Survivors after each attack", _stages),
    "gallery": ("Images before and after", gallery.before_and_after),
    "last": ("Images broken last", gallery.last_to_fall),
    "confusion": ("Confusion matrix", matrices.confusion),
    "hardest": ("Images with the smallest margin", gallery.hardest),
    "times": ("Inference time", _times),
    "notices": ("Findings in the code", _notices),
}
