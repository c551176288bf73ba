"""Scope: the selection of rows of a run, and the assessment of its findings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from securemnist._util.environment import describe
from securemnist.results.assessment import Assessment
from securemnist.results.findings import STOPPED, TIERS, Finding, Requirement, Verdict
from securemnist.results.policy import Policy
from securemnist.results.verdicts import utc_day


@dataclass(frozen=True)
class Scope:
    """The selection of rows: tier, -m, -k, paths, and other pytest options that deselect."""

    tier: str
    markers: str = ""
    keywords: str = ""
    paths: tuple[str, ...] = ()
    narrowed: tuple[str, ...] = ()  # options and settings of pytest that may deselect rows

    def excludes(self, row: Requirement) -> str:
        """Why the tier excludes a row; "" if it does not."""
        if TIERS.index(row.tier) <= TIERS.index(self.tier):
            return ""
        return f"out of scope: tier {row.tier}, this run is {self.tier}"

    def rows(self, policy: Policy, ids: Collection[str] = ()) -> list[Requirement]:
        """The rows of a policy within the tier; of these `ids` alone where there are any."""
        within = (row for row in policy.requirements if not self.excludes(row))
        return [row for row in within if not ids or row.id in ids]

    def assessment(
        self,
        policy: Policy,
        judged: Mapping[str, Finding],
        selected: Collection[str],
        *,
        subject: Mapping[str, Any],
        folder: Path,
        processor: str,
        code: Mapping[str, str] = MappingProxyType({}),
        doubts: Sequence[str] = (),
        command: Callable[[Requirement], str] = lambda _: "",
    ) -> Assessment:
        """Every row of the policy with its finding.

        A row without one is NOT_RUN: the run stopped before it if it was `selected`, else it is out of
        scope. `code`: the digests of the user's own code that rows name, and of the project's own
        `doubts`. `command` gives the command line that measures a row again.
        """
        by = f" ({', '.join(self.narrowed)})" if self.narrowed else ""
        deselected = f"out of scope: not selected in this run{by}"

        def finding(row: Requirement) -> Finding:
            if row.id in judged:
                return replace(judged[row.id], replay=command(row))
            selected_here = row.id in selected
            reason = STOPPED if selected_here else self.excludes(row) or deselected
            found = row.unmeasured(Verdict.NOT_RUN, reason)
            return replace(found, in_scope=selected_here, replay=command(row))

        own = {"code": code, "doubts": list(doubts)}
        return Assessment(
            subject=subject,
            scope=self.to_json(),
            environment={
                **describe(folder, processor=processor),
                **{k: v for k, v in own.items() if v},
            },
            policy=policy.to_json(),
            threat_model={} if policy.threat_model is None else policy.threat_model.to_json(),
            findings=tuple(map(finding, policy.requirements)),
            day=utc_day(),
        )

    def to_json(self) -> dict[str, Any]:
        """The scope as builtins."""
        return {**self.__dict__, "paths": list(self.paths), "narrowed": list(self.narrowed)}
