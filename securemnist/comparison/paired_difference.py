"""Difference between two measurements of one row, paired by image where both recorded images."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from securemnist.comparison import comparability, corruption_answers
from securemnist.comparison.change import Part, Stage, Turned
from securemnist.comparison.difference import PairedDifference
from securemnist.comparison.intervals import Paired, extreme_interval, unpaired_interval
from securemnist.comparison.per_image import NOT_COUNTED, EventMatrix, events_of, pair
from securemnist.comparison.worse_part import worse_class, worse_kind
from securemnist.results.evidence.base import Evidence
from securemnist.results.evidence.service import ServiceEvidence
from securemnist.results.evidence.static import StaticEvidence
from securemnist.results.evidence.supply_chain import SupplyChainEvidence
from securemnist.results.evidence.threats import ThreatEvidence
from securemnist.results.findings import Finding, Measurement
from securemnist.results.per_image import MISCLASSIFIED, NOT_ATTEMPTED
from securemnist.sanitize import line
from securemnist.view.class_names import NUMBERS, SHOWN, ClassNames


def paired_difference(
    old: Finding, new: Finding, names: ClassNames = NUMBERS
) -> PairedDifference | str:
    """The difference of two measurements of one row, or why there is none; errors as of `events_of`."""
    before, after = old.measurement, new.measurement
    if before is None or after is None:
        return "a number is missing"
    records = events_of(old), events_of(new)
    answers = corruption_answers.answers_of(before), corruption_answers.answers_of(after)
    exact = before.complete and after.complete
    if records[0] is not None and records[1] is not None:
        up = new.requirement.at_least is not None
        return _on_images(records[0], records[1], exact=exact, up=up, names=names)
    if answers[0] is not None and answers[1] is not None:
        return corruption_answers.difference(answers[0], answers[1], exact=exact)
    for one, other in (records, answers):
        if (one is None) != (other is None):
            return f"the {'old' if one is None else 'new'} version recorded no images"
    if before.unit == "count":
        return _counted(before, after)
    low, high = unpaired_interval(*((side.value, side.low, side.high) for side in (before, after)))
    return PairedDifference(
        paired="unpaired, from the two intervals",
        difference=after.value - before.value,
        low=low,
        high=high,
        n=min(before.n, after.n),
        worse=worse_kind(before.evidence, after.evidence, min(before.n, after.n)),
    )


def _on_images(
    old: EventMatrix, new: EventMatrix, *, exact: bool, up: bool, names: ClassNames
) -> PairedDifference | str:
    reason = comparability.of_images(old, new)
    if reason:
        return reason
    tables = pair(old, new)
    before, after = old.in_any_row, new.in_any_row
    counted = (before != NOT_COUNTED) & (after != NOT_COUNTED)
    least = min((before != NOT_COUNTED).sum(), (after != NOT_COUNTED).sum())
    if not tables or 2 * counted.sum() < least:
        return "fewer than half of the images count for both versions"
    table, by_time = tables[0], old.by_time(new) & (before != after)
    if len(old.events) == 1:
        either = [table, *_without(old, new, by_time)]
        lows, highs = zip(*(one.interval() for one in either), strict=True)
        low, high, p_value = min(lows), max(highs), max(one.p_value for one in either)
        how, difference = "paired, score interval", table.difference
    else:
        low, high = extreme_interval(tables, old.extreme)
        was, now = old.extreme([t.old for t in tables]), old.extreme([t.new for t in tables])
        difference = float(now - was)
        how, p_value = f"worst of {len(tables)}, drawn from their paired tables", None
    lost, gained = (before == 1) & (after == 0), (before == 0) & (after == 1)
    broken, safe = (lost, gained) if up else (gained, lost)
    left_open = int((broken & by_time).sum())
    broken, safe = broken & ~by_time, safe & ~by_time
    return PairedDifference(
        paired=how,
        difference=difference,
        low=low,
        high=high,
        n=int(counted.sum()),
        p_value=p_value,
        broken=_turned(new, broken & counted, names),
        safe=_turned(old, safe & counted, names),
        classes=_classes(old, new, names),
        stages=_stages(old, new),
        exact=exact and not by_time.any(),
        unknown=_unknown(old, new, up=up) + left_open,
        by_time=int(by_time.sum()),
        worse=None if by_time.any() else worse_class(old, new, names, up=up),
    )


def _without(old: EventMatrix, new: EventMatrix, by_time: np.ndarray) -> list[Paired]:
    """The tables of one row if more time undid all losses of these images, and if it undid all gains."""
    before, after = old.in_any_row, new.in_any_row
    tables = []
    for undone in (by_time & (before > after), by_time & (before < after)):
        if undone.any():
            changed = replace(new, events=np.where(undone, before, after)[None])
            tables += pair(old.in_one_row, changed)
    return tables


def _unknown(old: EventMatrix, new: EventMatrix, *, up: bool) -> int:
    """Images that a search did not come to, and that may be newly broken by what the other one says."""
    good = 1 if up else 0
    left_out = [  # a search did not come to them; in other rows each image counts
        (side.codes == NOT_ATTEMPTED) & (side.in_any_row == NOT_COUNTED) for side in (old, new)
    ]
    was_good = left_out[0] | (old.in_any_row == good)
    is_bad = left_out[1] | (new.in_any_row == 1 - good)
    return int(((left_out[0] | left_out[1]) & was_good & is_bad).sum())


def _turned(weak: EventMatrix, which: np.ndarray, names: ClassNames) -> tuple[Turned, ...]:
    """The images, with what broke the version that is not robust on them."""
    return tuple(
        Turned(place=int(weak.places[k]), label=int(weak.labels[k]), by=_cause(weak, k, names))
        for k in np.flatnonzero(which).tolist()
    )


def _cause(weak: EventMatrix, k: int, names: ClassNames) -> str:
    """What broke image `k`; "" where nothing of it was recorded."""
    if not len(weak.codes):
        return ""
    code = int(weak.codes[k])
    if code < 0:
        causes = {MISCLASSIFIED: "misclassified without an attack", NOT_ATTEMPTED: "no proof"}
        return causes.get(code, "")
    return weak.stages[code] if weak.stages else f"predicted as {names[code]}"


def _classes(old: EventMatrix, new: EventMatrix, names: ClassNames) -> tuple[Part, ...]:
    """The difference in each class; of more than 20 those of the largest difference."""
    parts = []
    for label in np.unique(old.labels).tolist():
        among = old.labels == label
        # Of a class under several targets: what happens to it under any of them.
        for table in pair(old.in_one_row, new.in_one_row, among):
            low, high = table.interval()
            shares = {"old": table.old, "new": table.new, "low": low, "high": high}
            parts.append(Part(name=names[label], n=table.n, **shares))
    if len(parts) > SHOWN:
        parts = sorted(parts, key=lambda part: -abs(part.new - part.old))[:SHOWN]
    return tuple(parts)


def _stages(old: EventMatrix, new: EventMatrix) -> tuple[Stage, ...]:
    return tuple(
        Stage(name=name, old=int((old.codes == k).sum()), new=int((new.codes == k).sum()))
        for k, name in enumerate(old.stages)
    )


def _counted(before: Measurement, after: Measurement) -> PairedDifference | str:
    """Counts are exact; what is new of the places that a tool complains about is listed by number."""
    if not before.complete or not after.complete:
        return "a count of a part cannot be held against another"
    difference = after.value - before.value
    places = _places(before.evidence), _places(after.evidence)
    # A count that its places do not explain, as days, says nothing of what is new.
    listed = all(p.total() == side.value for p, side in zip(places, (before, after), strict=True))
    return PairedDifference(
        paired="exact counts",
        difference=difference,
        low=difference,
        high=difference,
        n=after.n,
        broken=_listed(places[1] - places[0]) if listed else None,
        safe=_listed(places[0] - places[1]) if listed else None,
    )


def _places(evidence: Evidence) -> Counter[str]:
    """Uncovered threats, or complaints without their line numbers, which move when files are edited."""
    if isinstance(evidence, ServiceEvidence):  # what a service answers may hold times
        return Counter(
            f"{line(c.name, 100)}: expected {line(c.expected, 200)}"
            for c in evidence.checks or ()
            if not c.holds
        )
    if isinstance(evidence, ThreatEvidence):
        return Counter(f"{line(t.id, 60)}: {line(t.title, 100)}" for t in evidence.threats or ())
    if isinstance(evidence, SupplyChainEvidence):
        return Counter(
            f"{line(c.name, 100)}: expected {line(c.expected, 200)}, got {line(c.found, 200)}"
            for c in evidence.checks or ()
            if not c.holds
        )
    places = (evidence.static or []) if isinstance(evidence, StaticEvidence) else []
    return Counter(
        f"{line(n.file, 200)}: {line(n.tool, 40)} {line(n.rule, 120)}: {line(n.message, 400)}"
        for n in places
    )


def _listed(places: Counter[str]) -> tuple[Turned, ...]:
    return tuple(Turned(place=0, label=0, by=line(what, 300)) for what in places.elements())
