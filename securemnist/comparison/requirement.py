"""One row under both versions: its finding of then and of now become a Change."""

from __future__ import annotations

import dataclasses
from typing import Any

from securemnist.comparison import comparability
from securemnist.comparison.change import Change, Side, Word
from securemnist.comparison.difference import PairedDifference
from securemnist.comparison.paired_difference import paired_difference
from securemnist.comparison.per_image import Inconsistent
from securemnist.comparison.regression_limits import judge
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.static import StaticEvidence
from securemnist.results.evidence.threats import ThreatEvidence
from securemnist.results.findings import Finding, Measurement, Verdict
from securemnist.results.verdicts import ON_CHANGE, TIERS
from securemnist.sanitize import line
from securemnist.view import requirement_text, waiver_text
from securemnist.view.class_names import ClassNames

MARGIN = 0.01  # of a share
RATIO_MARGIN = 0.1  # of a ratio, relative: timings of one model differ by as much on a busy machine
_USED = "the old version needed this waiver already; one of its own would permit the further step"


def compare_row(
    old: Finding | None, new: Finding | None, sides: tuple[Assessment, Assessment], margin: float
) -> Change:
    """The change of a row; a finding is missing where the policy of that version has no such row."""
    common = _common(old, new, sides[1])
    difference = _difference(old, new, sides)
    before = old.measurement if old is not None else None
    if isinstance(difference, str) or before is None or old is None or new is None:
        return Change(**common, word=Word.NOT_COMPARABLE, reason=str(difference))
    allowed = _margin(before, margin)
    up = new.requirement.at_least is not None
    word, doubt = _believed(old, new, word_of(difference.low, difference.high, allowed, up=up))
    notes = (*common.pop("notes"), *_replaced(new, difference, word), *_by_time(difference))
    if word is not Word.WORSE or new.requirement.limited:
        notes += _worse_part(difference, allowed, up=up)
    fields = {
        key: value for key, value in vars(difference).items() if key in Change.__dataclass_fields__
    }
    change = Change(
        **common,
        **fields,
        word=word,
        notes=notes,
        reason=doubt,
        margin=allowed,
        bounds=judge(new.requirement, difference, before.value, doubt),
    )
    # A waiver that the old version needed, too, is no decision about this change.
    used = not old.passed and old.requirement.waiver == new.requirement.waiver
    if change.waived and change.verdict is Verdict.FAIL and used:
        return dataclasses.replace(change, waived=False, notes=(*notes, _USED))
    return change


def _difference(
    old: Finding | None, new: Finding | None, sides: tuple[Assessment, Assessment]
) -> PairedDifference | str:
    if old is None:
        return "the old policy has no such row; assess the old version with the new policy"
    if new is None:
        return "the new policy has no such row, so it was not measured for the new version"
    names = ClassNames.of(sides[1].subject)
    try:
        return comparability.of_row(old, new, sides) or paired_difference(old, new, names)
    except Inconsistent as error:
        return f"malformed evidence, {error}"


def _common(old: Finding | None, new: Finding | None, side: Assessment) -> dict[str, Any]:
    finding = new or old
    if finding is None:
        raise ValueError("expected a finding on one side at least")
    day, names = side.decided, ClassNames.of(side.subject)
    tier = str(side.scope.get("tier", ""))
    row = finding.requirement
    return {
        "id": row.id,
        "measure": line(row.measure, 60),
        "family": line(finding.family.name or (old.family.name if old else ""), 60),
        "claim": requirement_text.claim(finding, names),
        "unit": finding.measurement.unit if finding.measurement else "share",
        "relation": row.relation,
        "threshold": row.threshold,
        "old": _side(old),
        "new": _side(new),
        "in_scope": _in_scope(old, new, tier),
        "waived": _waived(new, day),
        "notes": (*_notes(old, new), *_without_effect(new, day)),
    }


def _in_scope(old: Finding | None, new: Finding | None, tier: str) -> bool:
    """Whether the row counts. `tier`: that of the new run.

    A row that left the policy counts, and so does one that was moved to a tier above that of the run: it
    would otherwise vanish from the gate.
    """
    if new is None or new.in_scope:
        return True
    moved = old is not None and old.in_scope and old.requirement.tier != new.requirement.tier
    above = tier in TIERS and TIERS.index(new.requirement.tier) > TIERS.index(tier)
    return moved and above


def _waived(new: Finding | None, day: str) -> bool:
    """Whether the policy in force waives the row on `day`; an ERROR cannot be waived.

    The waiver of a row that has left the policy has left with it.
    """
    if new is None or new.verdict is Verdict.ERROR:
        return False
    return new.requirement.waives(new.measurement, day)


def _without_effect(new: Finding | None, day: str) -> tuple[str, ...]:
    """Why a waiver has no effect on `day`."""
    waiver = None if new is None else new.requirement.waiver
    if new is None or waiver is None or new.requirement.waives(new.measurement, day):
        return ()
    if waiver.active(day):
        return (f"the waiver {waiver_text.beyond(new)}",)
    until, today = line(waiver.expires, 20), line(day, 20)
    return (f"the waiver has expired: its last day was {until}, and {today} (UTC) decides",)


def _side(finding: Finding | None) -> Side:
    if finding is None:
        return Side(label="no such row")
    numbers = ("value", "certified", "seconds")
    known = {key: getattr(finding.measurement, key, None) for key in numbers}
    return Side(label=finding.label, **known)


def _notes(old: Finding | None, new: Finding | None) -> tuple[str, ...]:
    """What was made easier in the policy, which no comparison of numbers shows."""
    if old is None or new is None:
        return ()
    before, after = old.requirement, new.requirement
    keys = {"threshold": "the threshold"} if before.relation == after.relation else {}
    keys |= {key: key for key in ON_CHANGE}
    numbers = {name: (getattr(before, key), getattr(after, key)) for key, name in keys.items()}
    left_out = _by_own_files(old), _by_own_files(new)
    numbers |= {name: (left_out[0].get(name), count) for name, count in left_out[1].items()}
    return tuple(
        f"{name} was {_or_none(was)}, is {_or_none(now)}"
        for name, (was, now) in numbers.items()
        if was != now
    )


def _by_own_files(finding: Finding) -> dict[str, float]:
    """Numbers by which the version's own files decide what a row counts."""
    evidence, measurement = finding.evidence, finding.measurement
    if isinstance(evidence, ThreatEvidence) and measurement is not None:
        return {"the number of threats in the threat model": measurement.n}
    if not isinstance(evidence, StaticEvidence):
        return {}
    comments = sum(issue.by == "comment" for issue in evidence.not_counted)
    return {
        "the number of findings that the baseline accepts": evidence.accepted or 0,
        "the number of findings that comments accept": comments,
    }


def _replaced(new: Finding, change: PairedDifference, word: Word) -> tuple[str, ...]:
    """What a count of the same size, or a smaller one, has that the old one had not."""
    if word not in (Word.SAME, Word.BETTER) or not change.broken:
        return ()
    if new.measurement is None or new.measurement.unit != "count":
        return ()
    return (f"{len(change.broken)} of these are new, first {line(change.broken[0].by, 160)}",)


def _worse_part(change: PairedDifference, margin: float, *, up: bool) -> tuple[str, ...]:
    """The class or kind of corruption that is worse by more than the margin, though the row is not."""
    part = change.worse
    if part is None or (-part.high if up else part.low) <= margin:
        return ()
    return (
        f"{line(part.name, 60)} is worse: {part.old:.4f} -> {part.new:.4f} "
        f"[{part.low:+.4f}, {part.high:+.4f}], corrected for the number of such parts",
    )


def _by_time(change: PairedDifference) -> tuple[str, ...]:
    """That the time of proofs, and so the machine, may explain a part of the difference."""
    if not change.by_time:
        return ()
    return (
        f"{change.by_time:,} images were decided by proof for one version only, and were open for the "
        "other when its time ended; give both more proof_seconds on a machine without other work",
    )


def _or_none(number: float | None) -> str:
    return "not asked for" if number is None else f"{number:g}"


def _margin(measurement: Measurement, margin: float) -> float:
    if measurement.unit == "share":
        return margin
    return RATIO_MARGIN * measurement.value if measurement.unit == "ratio" else 0.0


def word_of(low: float, high: float, margin: float, *, up: bool) -> Word:
    """The word for an interval of the difference; `up` says that more is better.

    Same comes first: an interval inside the margin is no change worth a word, real or not.
    """
    if -margin <= low and high <= margin:
        return Word.SAME
    if low > 0 or high < 0:
        return Word.BETTER if (low > 0) == up else Word.WORSE
    return Word.CANNOT_TELL


def _believed(old: Finding, new: Finding, word: Word) -> tuple[Word, str]:
    """The word that doubts leave standing, and the doubt.

    A number that rests on doubted attacks is too high: it proves its version neither better nor as
    good, and the other one not worse.
    """
    doubted = [side for side in (old, new) if _doubts(side)]
    if new in doubted and word is not Word.WORSE:
        return Word.CANNOT_TELL, f"the new version's attacks are in doubt: {_doubts(new)}"
    if old in doubted and word is not Word.BETTER:
        return Word.CANNOT_TELL, f"the old version's attacks are in doubt: {_doubts(old)}"
    return word, ""


def _doubts(side: Finding) -> str:
    measurement = side.measurement
    # Certificates that meet the threshold carry the verdict, not the number above them.
    if measurement is None or not measurement.survived or measurement.exact:
        return ""
    return ", ".join(line(doubt.name, 60) for doubt in measurement.doubts[:5])
