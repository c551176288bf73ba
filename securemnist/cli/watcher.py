"""Watcher: a plugin of our own pytest run, for what the silenced terminal cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from securemnist.cli.outlook import Outlook
from securemnist.findings import Requirement
from securemnist.per_image import MISCLASSIFIED, decode_outcomes


class Watcher:
    """Brings the user's conftest in, and keeps what a silenced terminal would have said of suites.

    `outlook` is told which rows there are and where the run is.
    """

    def __init__(self, conftest: ModuleType | None) -> None:
        self.conftest = conftest
        self.outlook = Outlook()
        self.problems: list[str] = []
        self.asked: list[str] = []  # what chose the rows, in words

    def pytest_configure(self, config: object) -> None:
        # Of two fixtures of one name the plugin that came later wins: theirs has to come after ours.
        if self.conftest is not None:
            config.pluginmanager.register(self.conftest)  # type: ignore[attr-defined]

    def pytest_collection_finish(self, session: Any) -> None:
        from securemnist.plugin.messages import row_of
        from securemnist.plugin.state import STATE
        from securemnist.report import words

        if (run := session.config.stash[STATE].run) is not None:
            self.asked = words.asked_for(run.scope.to_json())
        rows = [row for item in session.items if (row := row_of(item)) is not None]
        proving = [row.id for row in rows if _proves(row)]
        self.outlook.plan({row.id: _estimate(row) for row in rows}, proving)

    def pytest_runtest_setup(self, item: Any) -> None:
        from securemnist.plugin.messages import row_of

        if (row := row_of(item)) is not None:
            self.outlook.begin(row.id)

    def pytest_runtest_logreport(self, report: Any) -> None:
        finding = (getattr(report, "security", None) or {}).get("finding", {})
        share = _left_open((finding.get("measurement") or {}).get("evidence", {}))
        if share is not None:
            self.outlook.open = share

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


def _proves(row: Requirement) -> bool:
    """Whether a digit that interval bounds prove costs this row nothing more."""
    from securemnist.measures import MEASURES, bind
    from securemnist.measures.base import AttackSettings, ThreatSettings

    if row.measure not in MEASURES:
        return False
    settings = bind(row.measure, row.settings, tier=row.tier)
    if not isinstance(settings, ThreatSettings) or settings.threat["norm"] != "linf":
        return False
    return not isinstance(settings, AttackSettings) or settings.proofs_after is not None


def _left_open(evidence: Mapping[str, Any]) -> float | None:
    """The share of the digits read right that interval bounds left open.

    None where there were no bounds: attacks alone, another norm, a network with unknown layers.
    """
    proved = evidence.get("certificates", {}).get("intervals")
    if proved is None or "outcomes" not in evidence:
        return None
    _, codes = decode_outcomes(evidence["outcomes"])
    asked = int((codes != MISCLASSIFIED).sum())
    return 1.0 - float(proved) / asked if asked else None
