"""State of the plugin in one pytest process: the run, begun with the first security test, or why not.

Importing this loads neither torch nor pydantic; `begin` does.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from securemnist.errors import UsageError
from securemnist.plugin import options
from securemnist.plugin.policy import policy_of
from securemnist.project.folders import USUAL
from securemnist.runtime.openmp import short_spin

if TYPE_CHECKING:
    from securemnist.plugin.session import Run

STATE = pytest.StashKey["State"]()
# What a command of ours shows the progress of its run with; plain pytest shows none.
PROGRESS = pytest.StashKey[Any]()


class State:
    """The run of this process, if it has one. `suites` says whether a suite's test was collected."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.run: Run | None = None
        self.problem: UsageError | None = None
        self.suites = False

    def begin_for_test(self, path: Path) -> Run | None:
        """The run for a suite in a test file; None where there can be none, which `problem` explains."""
        self.suites = True
        try:
            policy = policy_of(self.config, path)
            if policy is None:
                self.problem = self.problem or _no_policy(f"{path} and the folders above it")
            else:
                return self.begin(policy)
        except UsageError as error:
            self.problem = self.problem or error
        except OSError as error:
            self.problem = self.problem or unreadable(error)
        return None

    def begin(self, policy: Path) -> Run:
        """The run of this policy; UsageError where there is one of another policy already."""
        with plain_warnings():
            if self.run is None:
                short_spin()
                from securemnist.plugin.collection import begin

                self.run = begin(self.config, policy)
                _stop_as_by_ctrl_c(self.config)
            elif self.run.file.resolve() != policy.resolve():
                raise UsageError(
                    f"expected one policy in one run, got {self.run.file} and {policy}; name one with "
                    "--security-policy, or run their suites one after the other"
                )
        return self.run

    def check(self) -> None:
        """UsageError where suites or options ask for a policy, and there is none that can be used."""
        if self.problem is not None:
            raise self.problem
        if self.run is None and (names := options.given(self.config)):
            raise _no_policy(f"{self.config.rootpath} (for {', '.join(names)})")

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Registered as a plugin: takes findings from the reports of pytest-xdist's workers as well."""
        message = getattr(report, "security", None)
        if message is not None:
            from securemnist.plugin.junit import error_for_failure

            self.begin(Path(message["policy"])).receive(message)
            error_for_failure(self.config, report)


def _no_policy(where: str) -> UsageError:
    return UsageError(
        f"expected a policy of the security suites, got none for {where}; start pytest in the folder "
        f"that holds {USUAL}, or name the file with --security-policy"
    )


def unreadable(error: OSError) -> UsageError:
    """What to say where the operating system refuses to look for the policy."""
    return UsageError(
        f"{error.filename}: expected a folder that can be read, got {error.strerror}; fix its permissions"
    )


@contextlib.contextmanager
def plain_warnings() -> Iterator[None]:
    """Warnings of torch and others stay warnings, also where the user's settings make them errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        yield


def _stop_as_by_ctrl_c(config: pytest.Config) -> None:
    """SIGTERM ends the run as Ctrl-C does: what was measured is reported."""
    alone = threading.current_thread() is threading.main_thread()
    if hasattr(config, "workerinput") or not alone:
        return
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)
        config.add_cleanup(_reset)


def _reset() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not cut the report off
    raise KeyboardInterrupt
