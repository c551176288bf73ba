"""Watcher: a plugin of our own pytest run, for what the silenced terminal cannot say."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from securemnist.cli.outlook import Outlook
from securemnist.findings import Requirement


class Watcher:
    """Brings the user's conftest in, and keeps what a silenced terminal would have said of suites.

    `outlook` is told which rows there are and where the run is.
    """

    def __init__(self, conftest: ModuleType | None) -> None:
        self.conftest = conftest
        self.outlook = Outlook()
        self.problems: list[str] = []

    def pytest_configure(self, config: object) -> None:
        # Of two fixtures of one name the plugin that came later wins: theirs has to come after ours.
        if self.conftest is not None:
            config.pluginmanager.register(self.conftest)  # type: ignore[attr-defined]

    def pytest_collection_finish(self, session: Any) -> None:
        from securemnist.plugin.collection import row_of

        rows = (row for item in session.items if (row := row_of(item)) is not None)
        self.outlook.plan({row.id: _estimate(row) for row in rows})

    def pytest_runtest_setup(self, item: Any) -> None:
        from securemnist.plugin.collection import row_of

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


def _estimate(row: Requirement) -> float:
    """Seconds on two cores; a measure of the user's own is unknown, and taken for a quick one."""
    from securemnist.measures import MEASURES, bind

    if row.measure not in MEASURES:
        return 1.0
    return MEASURES[row.measure].estimate(bind(row.measure, row.settings, tier=row.tier))
