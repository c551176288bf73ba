"""Assessment: subject, scope, environment and the finding of every requirement, as JSON.

This file is all that a report, a comparison or a history needs; it is read back without torch.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import computed_field

from securemnist._util.files import read_at_most
from securemnist._util.hashing import json_file
from securemnist._util.parsing import json_value
from securemnist.errors import FAILED, UNDECIDED, ParseError, UsageError
from securemnist.results.findings import STOPPED, Finding, Verdict
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import ExitCode

SCHEMA: Literal[2] = 2
MAX_BYTES = 64 << 20
_DERIVED = ("counts", "exit_code")  # written for other programs, and computed again


@dataclass(frozen=True, kw_only=True)
class Against(JsonModel):
    """What the comparison with an older version came to, for an assessment that was asked for one.

    `name`, `commit` and `digest` identify the older version; `exit_code` is the comparison's, `why` its
    reason in words. `waived`: the rows that only a waiver kept from blocking, and `waived_through` the
    last day of the first of these waivers to end.
    """

    name: str
    commit: str
    digest: str
    exit_code: ExitCode
    why: str
    waived: tuple[str, ...] = ()
    waived_through: str = ""

    def on(self, day: str) -> Against:
        """The comparison as it stands on `day` (ISO date, UTC): undecided once a waiver has ended."""
        if self.exit_code or not self.waived or day <= self.waived_through:
            return self
        why = (
            f"{self.why}; a waiver that this rests on ended on {self.waived_through}, compare again"
        )
        return dataclasses.replace(self, exit_code=UNDECIDED, why=why)


@dataclass(frozen=True, kw_only=True)
class Assessment(JsonModel):
    """Everything that was concluded about one subject, joined with the whole policy.

    `subject`: name, spec, digest, architecture, parameters, data, files, and `weight_file` as in
    `results.weight_file`. `scope`: tier, markers, keywords, paths. `environment`: python, platform,
    packages, source (of this package), processor, commit. `policy`: path, digest, text.
    `day` is the ISO date (UTC) on which it was made. `decided` is the one on which waivers are judged:
    later than `day` where a stored assessment is read or compared again. `against`: the comparison that
    decides, too. `threat_model`: path, digest and text of the file beside the policy; empty without one.
    """

    subject: Mapping[str, Any]
    scope: Mapping[str, Any]
    environment: Mapping[str, Any]
    policy: Mapping[str, Any]
    findings: tuple[Finding, ...]
    day: str
    decided: str = ""
    against: Against | None = None
    threat_model: Mapping[str, Any] = field(default_factory=dict)
    schema: Literal[2] = SCHEMA

    def __post_init__(self) -> None:
        """No decision comes before the assessment was made."""
        object.__setattr__(self, "decided", max(self.day, self.decided))

    def on(self, today: str) -> Assessment:
        """The same assessment, with its waivers judged on `today` (ISO date, UTC)."""
        day = max(self.decided, today)
        against = None if self.against is None else self.against.on(day)
        return dataclasses.replace(self, decided=day, against=against)

    @property
    def made(self) -> str:
        """When it was made, in UTC to the second; its day where no time is stored, "" without both."""
        for text in (self.environment.get("time"), self.day):
            try:
                found = datetime.datetime.fromisoformat(str(text))
                if found.tzinfo is None:
                    found = found.replace(tzinfo=datetime.UTC)
                return found.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            except (ValueError, OverflowError):
                continue
        return ""

    @property
    def findings_in_scope(self) -> tuple[Finding, ...]:
        """The findings of the rows that this run was asked for."""
        return tuple(finding for finding in self.findings if finding.in_scope)

    @property
    def waived_through(self) -> str:
        """The last day of the first waiver to end, of those that the exit code rests on; "" without."""
        used = [f.requirement.waiver for f in self.findings_in_scope if f.waived(self.decided)]
        days = [waiver.expires for waiver in used if waiver]
        days += [self.against.waived_through] if self.against and self.against.waived else []
        return min(days, default="")

    @property
    def complete(self) -> bool:
        """Whether every row of the policy was in the scope of this run."""
        return all(finding.in_scope for finding in self.findings)

    @property
    def interrupted(self) -> bool:
        """Whether the run was stopped before its last row."""
        return any(f.reason == STOPPED for f in self.findings_in_scope)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def counts(self) -> dict[str, int]:
        """Findings in scope, by verdict."""
        numbers = Counter(f.verdict for f in self.findings_in_scope)
        return {str(verdict): numbers[verdict] for verdict in Verdict}

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        """What stands between the subject and a merge: in scope, not PASS, not waived."""
        return tuple(
            f for f in self.findings_in_scope if not f.passed and not f.waived(self.decided)
        )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def exit_code(self) -> ExitCode:
        """That of the rows and of the comparison together: 1 where either is 1, 0 where both are."""
        codes = {self.rows_exit_code, 0 if self.against is None else self.against.exit_code}
        return FAILED if FAILED in codes else max(codes)

    @property
    def rows_exit_code(self) -> int:
        """1 any FAIL; else 3 anything in scope without a PASS or an active waiver; else 0.

        A scope without a row that passed (no row at all, or waived ones only) has shown nothing: 3.
        """
        verdicts = {f.verdict for f in self.open_findings}
        if Verdict.FAIL in verdicts:
            return FAILED
        nothing = not any(f.passed for f in self.findings_in_scope)
        return UNDECIDED if verdicts or nothing else 0

    def to_json(self) -> dict[str, Any]:
        """Builtins, with the derived facts that other programs ask for."""
        data = super().to_json()
        return {**data, "scope": {**data["scope"], "complete": self.complete}}

    def dumps(self) -> bytes:
        """The text of assessment.json; equal assessments give equal bytes."""
        return json_file(self.to_json(), sort_keys=True)

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The inverse of `to_json`; UsageError where the data is not an assessment.

        A PASS that the stored numbers do not give is refused, too.
        """
        if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
            got = data.get("schema") if isinstance(data, Mapping) else type(data).__name__
            raise UsageError(
                f"expected an assessment of schema {SCHEMA}, got {got!r:.40}; make it again with "
                "`securemnist assess`"
            )
        stored = {key: value for key, value in data.items() if key not in _DERIVED}
        try:
            stored["scope"] = {k: v for k, v in data["scope"].items() if k != "complete"}
            assessment = super().from_json(stored)
            assessment.dumps()
            _check_once(assessment.findings)
            for finding in assessment.findings:
                _check_pass(finding)
                _ = finding.requirement.threshold, str(finding)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise UsageError(
                f"expected an assessment of schema {SCHEMA}, got one that does not parse "
                f"({type(error).__name__}: {error!s:.200}); make it again with `securemnist assess`"
            ) from error
        return assessment

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read assessment.json; UsageError where it is missing, too large or no assessment."""
        try:
            data = json_value(read_at_most(path, MAX_BYTES))
        except OSError as error:
            raise UsageError(f"{path}: cannot be read ({error.strerror}); name another") from error
        except ParseError as error:
            raise UsageError(f"{path}: expected JSON, got {error}; name another file") from error
        return cls.from_json(data)


def _check_once(findings: Sequence[Finding]) -> None:
    """ValueError for two findings of one row: a reader that looks it up would take one of them."""
    counts = Counter(finding.requirement.id.casefold() for finding in findings)
    for row, number in counts.items():
        if number > 1:
            raise ValueError(f"{number} findings of row {row}")


def _check_pass(finding: Finding) -> None:
    """ValueError for a PASS that the stored measurement and threshold do not lead to."""
    if not finding.passed:
        return
    row, measurement = finding.requirement, finding.measurement
    if measurement is None:
        raise ValueError(f"{row.id}: a PASS without a measurement")
    judged = row.judge(measurement)
    if not judged.passed or judged.proved != finding.proved:
        raise ValueError(f"{row.id}: {finding.label} is stored, its numbers give {judged.label}")
