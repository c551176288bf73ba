"""Watcher: a plugin of our own pytest run, for what the silenced terminal cannot say."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from securemnist.cli.eta import Outlook
from securemnist.comparison.comparability import SAME_MODEL
from securemnist.results.findings import Requirement

if TYPE_CHECKING:
    from securemnist.evaluation.pace import Pace
    from securemnist.threats import Threat

# Seconds of a run, by the usual pace, from which on a second or two to measure its own are well spent.
_WORTH_A_PROBE = 20.0


class Watcher:
    """Brings the user's conftest in, and keeps what a silenced terminal would have said of suites.

    `outlook` knows which rows there are and where the run is. A model of the digest `refused` ends the
    run before its first row.
    """

    def __init__(self, conftest: ModuleType | None, refused: str = "") -> None:
        self.conftest = conftest
        self.refused = refused
        self.outlook = Outlook()
        self.problems: list[str] = []
        self.asked: list[str] = []  # what chose the rows, in words
        self.rows: list[Requirement] = []

    def pytest_configure(self, config: object) -> None:
        # Of two fixtures of one name the plugin that came later wins: theirs has to come after ours.
        if self.conftest is not None:
            config.pluginmanager.register(self.conftest)  # type: ignore[attr-defined]

    def pytest_collection_finish(self, session: Any) -> None:
        from securemnist.plugin.messages import row_of
        from securemnist.plugin.state import STATE
        from securemnist.view import wording

        if (run := session.config.stash[STATE].run) is not None:
            self.asked = wording.asked_for(run.scope.to_json())
        from securemnist.evaluation.pace import DEFAULT_PACE

        self.rows = [row for item in session.items if (row := row_of(item)) is not None]
        self._plan(DEFAULT_PACE)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, Any]:
        """Once the model is there: is it another one, and at which pace is a long run measured."""
        made = yield
        if fixturedef.argname != "security_lab":
            return made
        if self.refused and made.subject.digest == self.refused:
            problem = SAME_MODEL.format(digest=self.refused)
            self.problems.append(f"securemnist: {problem}")
            pytest.exit(problem, returncode=pytest.ExitCode.USAGE_ERROR)
        if self.outlook.left() > _WORTH_A_PROBE:
            from securemnist.evaluation import pace

            self._plan(pace.measure_pace(made, _threats(self.rows)))
        return made

    def _plan(self, pace: Pace) -> None:
        self.outlook.plan({row.id: _estimate(row, pace) for row in self.rows})

    def pytest_runtest_setup(self, item: Any) -> None:
        from securemnist.plugin.messages import row_of

        if (row := row_of(item)) is not None:
            self.outlook.begin(row.id)

    def pytest_runtest_logfinish(self) -> None:
        if self.outlook.row:
            self.outlook.end()

    def pytest_collectreport(self, report: object) -> None:
        if getattr(report, "failed", False):
            self.problems.append(str(getattr(report, "longrepr", report)))

    def pytest_internalerror(self, excrepr: object) -> None:
        self.problems.append(str(excrepr))


def _threats(rows: Iterable[Requirement]) -> list[Threat]:
    """The threats of the rows that search or prove; measures of the user's own are unknown."""
    from securemnist.measures import bind, find
    from securemnist.measures.base import ThreatSettings

    bound = [bind(r.measure, r.settings, tier=r.tier) for r in rows if find(r.measure)]
    threats = [one.threat_value() for one in bound if isinstance(one, ThreatSettings)]
    return list({str(threat): threat for threat in threats}.values())


def _estimate(row: Requirement, pace: Pace) -> float:
    """Seconds of a row at this pace; a measure of the user's own is taken for a quick one."""
    from securemnist.measures import bind, find

    measure = find(row.measure)
    if measure is None:
        return 1.0
    return measure.estimate(bind(row.measure, row.settings, tier=row.tier), pace)
