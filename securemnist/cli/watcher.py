"""Watcher: a plugin of our own pytest run, for what the silenced terminal cannot say."""

from __future__ import annotations

from types import ModuleType


class Watcher:
    """Brings the user's conftest in, and keeps what a silenced terminal would have said of suites."""

    def __init__(self, conftest: ModuleType | None) -> None:
        self.conftest = conftest
        self.problems: list[str] = []

    def pytest_configure(self, config: object) -> None:
        # Of two fixtures of one name the plugin that came later wins: theirs has to come after ours.
        if self.conftest is not None:
            config.pluginmanager.register(self.conftest)  # type: ignore[attr-defined]

    def pytest_collectreport(self, report: object) -> None:
        if getattr(report, "failed", False):
            self.problems.append(str(getattr(report, "longrepr", report)))

    def pytest_internalerror(self, excrepr: object) -> None:
        self.problems.append(str(excrepr))
