"""State of the plugin in one pytest process: the run, or the reason why there is none.

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
from securemnist.plugin import endpoint_lines, options
from securemnist.project.folders import USUAL
from securemnist.runtime.openmp import short_spin

if TYPE_CHECKING:
    from securemnist.data import DataSet
    from securemnist.plugin.session import Run
    from securemnist.types import Progress

STATE = pytest.StashKey["State"]()


class State:
    """The run of this process, if any, and what a command of ours has set for it.

    `suites`: whether a suite's test was collected. `data`: those of the run, checked against its policy;
    None until they are read. `progress`: what shows the progress; plain pytest shows none. `announced`:
    whether the lines about an endpoint are printed; `unannounced`: those that this process could not
    print. `stored_only`: another process makes the report of what is stored. `report_lines`: about the
    report, for the end of the output.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.run: Run | None = None
        self.problem: UsageError | None = None
        self.suites = False
        self.data: DataSet | None = None
        self.progress: Progress | None = None
        self.announced = self.stored_only = False
        self.unannounced: list[str] = []
        self.report_lines: list[str] = []

    def begin_for_test(self, path: Path) -> Run | None:
        """The run for a suite in a test file; None if there is an error, stored in `problem`."""
        self.suites = True
        try:
            policy = options.policy_of(self.config, path)
            if policy is None:
                self.problem = self.problem or _no_policy(f"{path} and the folders above it")
            else:
                return self.begin(policy)
        except UsageError as error:
            self.problem = self.problem or error
        return None

    def begin(self, policy: Path) -> Run:
        """The run of this policy; UsageError if a run of another policy has begun."""
        with plain_warnings():
            if self.run is None:
                short_spin()
                from securemnist.plugin.collection import begin

                self.run = begin(self.config, policy)
                _handle_sigterm(self.config)
            elif self.run.file.resolve() != policy.resolve():
                raise UsageError(
                    f"expected one policy in one run, got {self.run.file} and {policy}; name one with "
                    "--security-policy, or run their suites one after the other"
                )
        return self.run

    def check(self) -> None:
        """UsageError if suites or options need a policy, and no usable one was found."""
        if self.problem is not None:
            raise self.problem
        if self.run is None and (names := options.changed(self.config)):
            raise _no_policy(f"{self.config.rootpath} (for {', '.join(names)})")

    def warnings(self) -> list[str]:
        """Warnings about policy and data: unknown threat identifiers, copies of training images."""
        from securemnist.view.taxonomy import unknown_ids

        found = [unknown_ids(self.run.policy.requirements)] if self.run is not None else []
        found += [str(self.data.copies)] if self.data is not None else []
        return [sentence for sentence in found if sentence]

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take findings from test reports, also from those of pytest-xdist workers."""
        message = getattr(report, "security", None)
        if message is not None:
            from securemnist.plugin.junit import error_for_failure

            endpoint_lines.show(self, message.get("endpoint", []))
            self.begin(Path(message["policy"])).receive(message)
            error_for_failure(self.config, report)


def data_of(config: pytest.Config) -> DataSet:
    """The data of --security-data or the settings; UsageError if the policy is for other data."""
    state = config.stash[STATE]
    if state.data is None:
        from securemnist import data
        from securemnist.measures import check_data
        from securemnist.project import settings

        option, own = config.getoption("--security-data"), settings.load(config.rootpath).data
        folder = config.rootpath / own if own and not option else option and Path(option)
        loaded = data.load(folder)
        if state.run is not None:
            check_data(state.run.policy, loaded)
        state.data = loaded
    return state.data


def _no_policy(where: str) -> UsageError:
    return UsageError(
        f"expected a policy for the security suites, got none in {where}; start pytest in the folder "
        f"that contains {USUAL}, or name the file with --security-policy"
    )


@contextlib.contextmanager
def usage_errors() -> Iterator[None]:
    """Raise pytest.UsageError, which ends the run with one sentence, for our UsageError."""
    try:
        yield
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


@contextlib.contextmanager
def plain_warnings() -> Iterator[None]:
    """Keep warnings of libraries warnings, even if the user's settings turn them into errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        yield


def _handle_sigterm(config: pytest.Config) -> None:
    """Make SIGTERM end the run like Ctrl-C: measured rows are reported."""
    main_thread = threading.current_thread() is threading.main_thread()
    if hasattr(config, "workerinput") or not main_thread:
        return
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)
        config.add_cleanup(_reset)


def _reset() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second signal must not interrupt the report
    raise KeyboardInterrupt
