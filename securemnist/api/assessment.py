"""`assess`: every requirement of a policy, measured and judged."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from securemnist import assessing, report
from securemnist._util import resources
from securemnist.api.endpoints import print_endpoint
from securemnist.api.inputs import Data, as_data, load_policy
from securemnist.errors import UsageError
from securemnist.evaluation import example_store
from securemnist.evaluation.context import Context
from securemnist.measures import check_data, check_policy
from securemnist.measures.announcement import queries_of
from securemnist.models.borrowing import borrowed
from securemnist.models.loading import Subject
from securemnist.project.folders import project_folder
from securemnist.results import assessment as records
from securemnist.results.findings import Finding
from securemnist.results.policy import Policy
from securemnist.results.scope import Scope
from securemnist.results.verdicts import DEFAULT_TIER, TIERS
from securemnist.types import Progress
from securemnist.view import notebook, wording
from securemnist.view.progress import shown
from securemnist.view.taxonomy import unknown_ids


@dataclass(frozen=True, repr=False)
class Assessment:
    """Every requirement of a policy with its finding, for one model.

    `record` is what assessment.json holds. `files`: the adversarial examples of a new assessment, by
    name in the report.
    """

    record: records.Assessment
    files: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | str) -> Assessment:
        """The assessment in an assessment.json; UsageError where it is none."""
        return cls(records.Assessment.load(Path(path)))

    @property
    def exit_code(self) -> int:
        """0 all passed, 1 a requirement failed, 3 something was not decided."""
        return self.record.exit_code

    @property
    def findings(self) -> tuple[Finding, ...]:
        """A finding for each row of the policy: requirement, verdict, measurement and reason."""
        return self.record.findings

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it: the rows that are left are NOT_RUN."""
        return self.record.interrupted

    def save(self, folder: Path | str) -> Path:
        """Write the report to `folder`: page, summary, assessment.json, adversarial examples.

        Returns the path of the page. UsageError where the folder cannot be written, and where it holds a
        whole report that an interrupted assessment may not replace.
        """
        folder = Path(folder)
        if report.keeps(folder, self.record):
            raise UsageError(
                f"{folder}: expected a whole assessment to replace the report there, got an "
                "interrupted one; name another folder"
            )
        report.write(self.record, folder, self.files)
        return folder / report.FILES[0]

    def to_json(self) -> dict[str, Any]:
        """The assessment as builtins, as in assessment.json."""
        return self.record.to_json()

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {word}" for word, count in self.record.counts.items() if count)
        name = str(self.record.subject.get("name", ""))
        return f"<Assessment of {name:.60}: {counts or 'nothing'} in scope, exit code {self.exit_code}>"

    def _repr_html_(self) -> str:
        answer = wording.headline(self.record)
        rows = [(f.requirement.id, f.label, str(f)) for f in self.record.findings_in_scope]
        name = str(self.record.subject.get("name", ""))
        title = f"{answer.symbol} {answer.answer}: {answer.why}"
        return notebook.card(title, {"model": name}, rows=rows)


def assess(
    model: nn.Module | Subject | str,
    data: Data = None,
    *,
    policy: Policy | Path | str,
    tier: str = DEFAULT_TIER,
    rows: Collection[str] = (),
    until_decided: bool = False,
    replay: Sequence[Path | str] = (),
    trusted: Collection[str] = (),
    device: str | None = None,
    progress: Progress | bool = True,
) -> Assessment:
    """Measure and judge the requirements of a policy.

    `model`, `data`, `device` and `progress` are as for `measure`. `policy`: a path, "bundled", or what
    `load_policy` returns. `tier`: rows up to this one are measured (smoke, standard, full). `rows`:
    ids, to measure no other. `until_decided`: a search ends as soon as its verdict is certain. `replay`:
    folders of reports whose adversarial examples searches begin with. `trusted`: factories that rows may
    name in `against`.

    What goes wrong in a row becomes its verdict (ERROR, INCONCLUSIVE, NOT_RUN). Ctrl-C keeps what was
    measured: the rest is NOT_RUN. UsageError, PolicyError, DataError or ModelError for bad input, before
    anything is measured.
    """
    read = policy if isinstance(policy, Policy) else load_policy(policy)
    check_policy(read, trusted=trusted)
    _check_scope(read, tier, rows)
    data = as_data(data)
    check_data(read, data)
    for detail in (unknown_ids(read.requirements), str(data.copies)):
        if detail:
            warnings.warn(detail, stacklevel=2)
    stored = example_store.load([Path(folder) for folder in replay], data) if replay else None
    here = Path.cwd()
    file = policy if isinstance(policy, Path | str) and policy != "bundled" else resources.POLICY
    scope = Scope(tier, keywords=" or ".join(f"[{row}]" for row in rows))
    with shown(progress) as display, borrowed(model, device, data.spec, data.test) as subject:
        folder = project_folder(here, Path(file))
        context = Context(subject, data, stored, progress=display, project=folder, policy=read)
        print_endpoint(context, progress, queries_of(context, scope.rows(read, rows)))
        record, files = assessing.assess(
            context, read, scope, rows=rows, until_decided=until_decided
        )
    return Assessment(record, files)


def _check_scope(policy: Policy, tier: str, rows: Collection[str]) -> None:
    """UsageError for a tier or a row that does not exist."""
    if tier not in TIERS:
        raise UsageError(f"expected a tier of {', '.join(TIERS)}, got {tier!r:.40}; name one")
    if isinstance(rows, str):
        raise UsageError(f"expected a list of row ids, got {rows!r:.40}; write [{rows!r:.40}]")
    known = [row.id for row in policy.requirements]
    for row in rows:
        if row not in known:
            raise UsageError(
                f"expected rows of {policy.path} ({', '.join(known)}), got {row!r:.40}; name one"
            )
