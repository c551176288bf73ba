"""Comparison: two assessments, row by row, and whether the new model may take the old one's place."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securemnist.comparison import comparability
from securemnist.comparison.change import Change, Word
from securemnist.comparison.document import Document, Latency, Version
from securemnist.comparison.requirement import MARGIN, compare_row
from securemnist.errors import FAILED, UNDECIDED, UsageError
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Verdict
from securemnist.results.verdicts import utc_day
from securemnist.view import notebook


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison:
    """Every row of either policy with its change.

    `latency`: both models timed in turn in one process, where that was done. `margin`: the difference
    of a share up to which two versions count as the same.
    """

    old: Assessment
    new: Assessment
    changes: tuple[Change, ...]
    margin: float
    latency: Latency | None = None

    @property
    def changes_in_scope(self) -> tuple[Change, ...]:
        """The changes of the rows that count."""
        return tuple(change for change in self.changes if change.in_scope)

    @property
    def blocking(self) -> tuple[Change, ...]:
        """Rows that stand in the way, the decided ones first."""
        rows = [change for change in self.changes if change.blocks]
        return tuple(sorted(rows, key=lambda change: change.verdict is not Verdict.FAIL))

    @property
    def waived_through(self) -> str:
        """The last day of the first waiver to end, of those that keep a row from blocking; "" without."""
        rows = {change.id for change in self.changes if change.excused}
        used = [f.requirement.waiver for f in self.new.findings if f.requirement.id in rows]
        return min((waiver.expires for waiver in used if waiver), default="")

    @property
    def counts(self) -> dict[str, int]:
        """Rows in scope, by word."""
        numbers = Counter(change.word for change in self.changes_in_scope)
        return {str(word): numbers[word] for word in Word}

    @property
    def exit_code(self) -> int:
        """As for an assessment: 1 something failed, 3 something is undecided, 0 neither.

        The new version's own requirements count as much as what changed.
        """
        if any(change.verdict is Verdict.FAIL for change in self.blocking):
            return FAILED
        if self.new.exit_code:
            return self.new.exit_code
        return UNDECIDED if self.blocking or not self.changes_in_scope else 0

    def save(self, folder: Path | str) -> Path:
        """Write compare.html, compare.md and compare.json to `folder`; returns the path of the page.

        UsageError where the folder cannot be written.
        """
        from securemnist.comparison import files  # which renders what is defined here

        files.write(self, Path(folder))
        return Path(folder) / files.FILES[0]

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {word}" for word, count in self.counts.items() if count)
        return f"<Comparison: {counts or 'nothing compared'}, exit code {self.exit_code}>"

    def _repr_html_(self) -> str:
        from securemnist.comparison import wording  # which speaks of what is defined here

        answer = wording.headline(self)
        sides = {"old": self.old, "new": self.new}
        names = {name: str(side.subject.get("name", "")) for name, side in sides.items()}
        rows = [(c.id, str(c.word), wording.sentence(c)) for c in self.changes_in_scope]
        return notebook.card(f"{answer.symbol} {answer.answer}: {answer.why}", names, rows=rows)

    def to_json(self) -> dict[str, Any]:
        """Builtins, as `docs/schema/comparison.schema.json` describes them."""
        return Document(
            old=Version.of(self.old),
            new=Version.of(self.new),
            decided=self.new.decided,
            margin=self.margin,
            counts=self.counts,
            exit_code=self.exit_code,
            latency=self.latency,
            changes=self.changes,
        ).to_json()


def compare(
    old: Assessment,
    new: Assessment,
    *,
    margin: float = MARGIN,
    same_model: bool = False,
    today: str | None = None,
) -> Comparison:
    """Compare two assessments; UsageError where they cannot be.

    `margin`: shares that differ by less, their whole interval included, are the same. `same_model`
    allows both to be of one model: to see what chance alone does. Waivers are judged on `today` (ISO
    date, UTC; by default the present day), however old the assessments are.
    """
    if not 0 <= margin < 1:
        raise UsageError(f"expected a margin from 0 to 1, got {margin}; fix --margin")
    # What either was compared with before says nothing of this comparison.
    old, new = (dataclasses.replace(side, against=None) for side in (old, new))
    comparability.refuse(old, new, same_model=same_model)
    new = new.on(today or utc_day())
    before = {finding.requirement.id: finding for finding in old.findings}
    after = {finding.requirement.id: finding for finding in new.findings}
    pairs = ((before.get(name), after.get(name)) for name in {**after, **before})
    changes = tuple(compare_row(*pair, (old, new), margin) for pair in pairs)
    return Comparison(old=old, new=new, changes=changes, margin=margin)
