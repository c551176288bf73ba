"""Hooks of the pytest run of `assess`: the user's conftest, progress of the rows, collection errors."""

from __future__ import annotations

import gc
import math
from collections.abc import Generator, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from securemnist.cli.output import print_endpoint
from securemnist.comparison.comparability import SAME_MODEL
from securemnist.plugin.messages import row_of
from securemnist.plugin.narrowing import matches_markers
from securemnist.plugin.state import STATE
from securemnist.results.findings import Requirement, Verdict
from securemnist.view import wording
from securemnist.view.eta import Schedule

if TYPE_CHECKING:
    from securemnist.data import DataSet
    from securemnist.evaluation.pace import Pace
    from securemnist.threats import Threat
    from securemnist.types import Progress

# Runs longer than this many seconds, at the usual pace, spend one or two seconds to measure their pace.
_MIN_SECONDS_TO_CALIBRATE = 20.0
_REMOVED = (
    "a hook removed it from this run; remove that hook (pytest_collection_modifyitems of the conftest), "
    "or select rows with --row, -m and --tier"
)


class RunHooks:
    """Registers the user's conftest, tracks the rows, and keeps collection errors.

    `schedule`: the selected rows and the current one. A model of the digest `refused` ends the run
    before its first row. `only`: the ids of --row. `selection`: the options that selected the rows, as
    text. `collected`: all rows with a test that tier, -m and --row select, before hooks of the conftest.
    `data`: the data of the run, checked against its policy; they are read again where it is None.
    """

    def __init__(
        self, conftest: ModuleType | None, refused: str = "", only: tuple[str, ...] = ()
    ) -> None:
        self.conftest = conftest
        self.refused = refused
        self.only = only
        self.collected: dict[str, Requirement] = {}
        self.schedule = Schedule()
        self.progress: Progress | None = None
        self.data: DataSet | None = None
        self.problems: list[str] = []
        self.selection: list[str] = []
        self.rows: list[Requirement] = []

    @pytest.hookimpl(trylast=True)  # the plugin makes the state
    def pytest_configure(self, config: pytest.Config) -> None:
        state = config.stash[STATE]
        state.announced = True  # by the command, or below
        state.data, state.progress, state.stored_only = self.data, self.progress, True
        # Of two fixtures of one name the later plugin wins: the user's is registered after ours.
        if self.conftest is not None:
            config.pluginmanager.register(self.conftest)

    def pytest_itemcollected(self, item: Any) -> None:
        row, run = row_of(item), item.config.stash[STATE].run
        if row is None or run is None or run.scope.excludes(row):
            return
        if (not self.only or row.id in self.only) and matches_markers(item, run.scope.markers):
            self.collected[row.id] = row

    def pytest_collection_finish(self, session: Any) -> None:
        from securemnist.evaluation.pace import DEFAULT_PACE

        # What is imported by now stays: no collection has to walk through it.
        gc.freeze()
        gc.enable()
        self.rows = [row for item in session.items if (row := row_of(item)) is not None]
        if (run := session.config.stash[STATE].run) is not None:
            self.selection = wording.asked_for(run.scope.to_json())
            removed = self.collected.keys() - {row.id for row in self.rows}
            run.selected |= self.collected.keys()
            for name in removed:
                run.findings[name] = self.collected[name].unmeasured(Verdict.NOT_RUN, _REMOVED)
        self._plan(DEFAULT_PACE)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, Any]:
        """Check the model against `refused`, and measure the pace of a long run."""
        lab = yield
        if fixturedef.argname != "security_lab":
            return lab
        if self.refused and lab.subject.digest == self.refused:
            problem = SAME_MODEL.format(digest=self.refused)
            self.problems.append(f"securemnist: {problem}")
            pytest.exit(problem, returncode=pytest.ExitCode.USAGE_ERROR)
        if self.conftest is not None:  # otherwise the command has printed it
            print_endpoint(lab, self.rows)
        if self.schedule.left() > _MIN_SECONDS_TO_CALIBRATE:
            from securemnist.evaluation import pace

            self._plan(pace.measure_pace(lab, threats_of(self.rows)))
        return lab

    def _plan(self, pace: Pace) -> None:
        self.schedule.expected = {row.id: seconds_of(row, pace) for row in self.rows}

    def pytest_runtest_setup(self, item: Any) -> None:
        if (row := row_of(item)) is not None:
            self.schedule.begin(row.id)

    def pytest_runtest_logfinish(self) -> None:
        if self.schedule.row:
            self.schedule.end()

    def pytest_collectreport(self, report: object) -> None:
        if getattr(report, "failed", False):
            self.problems.append(str(getattr(report, "longrepr", report)))

    def pytest_internalerror(self, excrepr: object) -> None:
        self.problems.append(str(excrepr))


def threats_of(rows: Iterable[Requirement]) -> list[Threat]:
    """The threats of attack and certification rows; without measures that only a suite defines."""
    from securemnist.measures import bind, find

    settings = [bind(r.measure, r.settings, tier=r.tier) for r in rows if find(r.measure)]
    threats = [threat for row in settings for threat in row.within]
    return list({str(threat): threat for threat in threats}.values())


def seconds_of(row: Requirement, pace: Pace) -> float:
    """Estimated seconds of a row at this pace; 1 where there is no usable estimate."""
    from securemnist.measures import bind, find

    measure = find(row.measure)
    if measure is None:
        return 1.0
    try:
        seconds = float(measure.estimate(bind(row.measure, row.settings, tier=row.tier), pace))
    except (Exception, SystemExit):  # a user's own estimate decides nothing
        return 1.0
    return seconds if math.isfinite(seconds) and seconds >= 0 else 1.0
