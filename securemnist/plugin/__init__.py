"""The pytest plugin: rows of the policy become tests, findings become an assessment.

Inactive until a security test is collected or a --security-* option is given: before that it imports
neither torch nor pydantic, and reads no policy.
"""

from __future__ import annotations

import io
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from securemnist.plugin import options
from securemnist.plugin.state import STATE, State, data_of, plain_warnings, usage_errors
from securemnist.results.families import FAMILIES
from securemnist.results.verdicts import TIERS

pytest_plugins = ["securemnist.plugin.fixtures"]
_ROWS = ("collected", "reached", "selected")  # sets of a run that workers send to the controller


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    add = config.addinivalue_line
    add("markers", "measure(name): this test measures the rows of the policy with this measure")
    for family in FAMILIES.values():
        add("markers", f"{family.name}: {family.introduction}")
    for tier in TIERS:
        add("markers", f"{tier}: rows of the {tier} tier")
    state = config.stash[STATE] = State(config)
    config.pluginmanager.register(state, "securemnist-state")
    if not options.changed(config):
        return
    with usage_errors():
        policy = options.policy_of(config)
        if policy is not None:
            state.begin(policy)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Refuse a PYTEST_ADDOPTS that hides the suites of a project."""
    from securemnist.plugin.narrowing import ENVIRONMENT, hidden_by_environment

    hidden = hidden_by_environment()
    with usage_errors():
        policy = options.policy_of(config) if hidden else None
    if policy is not None:
        raise pytest.UsageError(
            f"expected {ENVIRONMENT} without options that hide the suites of {policy}, got {hidden!r}; "
            "unset it, or pass the option on the command line"
        )
    return (yield)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("measure") is None:
        return
    from securemnist.plugin.collection import parametrize
    from securemnist.plugin.messages import measure_of

    if measure_of(metafunc.definition) is not None:
        with plain_warnings():
            run = metafunc.config.stash[STATE].begin_for_test(metafunc.definition.path)
            parametrize(metafunc, run)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, object, object]:
    """Record the collected rows before other plugins, and the remaining rows after them."""
    state = config.stash[STATE]
    with usage_errors():
        state.check()
        run = state.run
        if run is not None:
            from securemnist.plugin.collection import check_suites, remove_empty
            from securemnist.plugin.messages import measure_of, rows_of

            measures = frozenset(name for item in items if (name := measure_of(item)) is not None)
            remove_empty(items)
            if state.suites and not session.testsfailed:  # pytest itself reports a file that fails
                with plain_warnings():
                    check_suites(config, run, measures)
            run.collected = rows_of(items)
        outcome = yield
        if run is not None:
            from securemnist.plugin.collection import deselect_repeated, deselect_tiers

            run.reached = rows_of(items)
            deselect_repeated(config, items)
            deselect_tiers(config, run, items)
    return outcome


def pytest_collection_finish(session: pytest.Session) -> None:
    run = session.config.stash[STATE].run
    if run is None:
        return
    from securemnist.plugin.messages import rows_of
    from securemnist.plugin.subject import check_fixtures, check_model_fixture, model_fixture
    from securemnist.project.settings import NO_MODEL

    selected = rows_of(session.items)
    # A pytest-xdist worker has no exit code of its own: there each row reports the error.
    worker = hasattr(session.config, "workerinput")
    with usage_errors():
        if selected and not worker and not session.config.getoption("collectonly"):
            data_of(session.config)
        run.selected = selected
        check_fixtures(session.items)
        if session.config.getoption("--security-model"):
            return
        check_model_fixture(session.items)
    if model_fixture(session.items) is not None:
        run.model_spec = ""
    elif run.selected and run.model_spec is None:
        raise pytest.UsageError(NO_MODEL.format(policy=run.policy.path))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    run = item.config.stash[STATE].run
    if run is not None:
        from securemnist.plugin.messages import attach, without_traceback

        without_traceback(item, call, report)
        attach(item, report, run)
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    from securemnist.plugin.exit_status import exit_status

    config = session.config
    state = config.stash[STATE]
    run = state.run
    worker = getattr(config, "workeroutput", None)
    if worker is not None:
        if run is not None:
            rows = {name: sorted(getattr(run, name)) for name in _ROWS}
            worker["security"] = {**rows, "policy": str(run.file), "model_spec": run.model_spec}
        return
    session.exitstatus = exit_status(state, int(session.exitstatus))
    if run is None or not run.active or config.getoption("collectonly"):
        return
    if session.exitstatus == pytest.ExitCode.USAGE_ERROR and not run.findings:
        return  # refused before the first row: there is nothing to report
    from securemnist.plugin import reporting

    reporting.write(session, run)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Merge the policy and rows of a pytest-xdist worker into the controller's run."""
    message = getattr(node, "workeroutput", {}).get("security")
    if message is not None:
        run = node.config.stash[STATE].begin(Path(message["policy"]))
        run.model_spec = message["model_spec"]
        for name in _ROWS:
            getattr(run, name).update(message[name])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    from securemnist.plugin.exit_status import sentences

    state = config.stash[STATE]
    run, notes = state.run, sentences(state, failed="failed" in terminalreporter.stats)
    if run is None or not (run.findings or notes):
        return
    from rich.console import Console

    from securemnist.exports import github_annotations
    from securemnist.report.terminal import print_assessment

    text = io.StringIO()
    colour, width = terminalreporter.hasmarkup, max(80, terminalreporter._tw.fullwidth)
    console = Console(file=text, force_terminal=colour, no_color=not colour, width=width)
    commands: list[str] = []
    if run.findings:
        assessment = run.assessment(config.rootpath)
        print_assessment(assessment, console)
        commands = (
            github_annotations.lines(assessment) if github_annotations.in_github_job() else []
        )
    terminalreporter.section("security requirements")
    terminalreporter.write(text.getvalue())
    for line in (*notes, *state.report_lines, *commands):
        terminalreporter.write_line(line)
    for sentence in state.warnings():
        terminalreporter.write_line(f"warning: {sentence}")
