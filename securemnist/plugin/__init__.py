"""The pytest plugin: rows of the policy become tests, findings become an assessment.

Inert where no policy is found and lazy everywhere: loading it imports neither torch nor pydantic.
Every option begins with --security-, so that nobody's conftest collides.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from securemnist.errors import UsageError
from securemnist.findings import TIERS

pytest_plugins = ["securemnist.plugin.fixtures"]

FAMILIES = {
    "clean": "how well unmodified digits are read",
    "adversarial": "evasion: perturbed digits",
    "certified": "robustness that is proved",
    "backdoor": "triggers and poisoning",
    "latency": "how long an answer takes",
    "static": "Bandit and Semgrep over source code",
}
RUN = pytest.StashKey[Any]()  # a session.Run, which is imported only where there is a policy
_POLICY = Path("security_tests") / "thresholds.toml"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("security", "securemnist")
    add = group.addoption
    add(
        "--security-model",
        type=_named,
        metavar="SPEC",
        help="the model: NAME, pkg.module:factory, a weight file",
    )
    add(
        "--security-policy",
        type=_named,
        metavar="FILE",
        help="the policy (default: security_tests/thresholds.toml)",
    )
    add("--security-tier", choices=TIERS, help="rows up to this tier run (default: standard)")
    add(
        "--security-report",
        type=_named,
        metavar="DIR",
        help="write index.html, assessment.json, summary.md there",
    )
    add(
        "--security-data",
        type=_named,
        metavar="DIR",
        help="IDX files to use instead of the bundled MNIST",
    )
    add(
        "--security-replay",
        type=_named,
        metavar="DIR",
        action="append",
        default=[],
        help="searches begin with the adversarial examples kept there; may be repeated",
    )
    add(
        "--security-until-decided",
        action="store_true",
        help="a search ends as soon as its row's verdict is certain",
    )
    add("--security-device", metavar="NAME", default="cpu", help="cpu (default) or cuda")


def _named(value: str) -> str:
    """An option's value; an empty one is a variable that is not set, and no default stands for it."""
    if not value:
        raise argparse.ArgumentTypeError("expected a value, got an empty one; name it")
    return value


def pytest_configure(config: pytest.Config) -> None:
    add = config.addinivalue_line
    add("markers", "measure(name): this test claims the rows of the policy with this measure")
    for name, what in FAMILIES.items():
        add("markers", f"{name}: {what}")
    for tier in TIERS:
        add("markers", f"{tier}: rows of the {tier} tier")
    try:
        policy = _policy_path(config)
        if policy is None:
            return
        from securemnist.plugin.collection import begin

        run = config.stash[RUN] = begin(config, policy)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    except OSError as error:
        raise pytest.UsageError(
            f"{error.filename}: expected a folder that can be read, got {error.strerror}; mend its rights"
        ) from error
    config.pluginmanager.register(run, "securemnist-run")


def _policy_path(config: pytest.Config) -> Path | None:
    """The policy that was named, or the one where a project keeps it; None leaves the plugin inert."""
    named: str | None = config.getoption("--security-policy")
    if named:
        return Path(named)
    from securemnist.plugin.project import configured_policy

    usual = config.rootpath / _POLICY
    return configured_policy(config.rootpath) or (usual if usual.is_file() else None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("measure")
    if marker is None or "requirement" not in metafunc.fixturenames:
        return
    from securemnist.plugin.collection import parametrize

    parametrize(metafunc, marker, metafunc.config.stash.get(RUN, None))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    run = config.stash.get(RUN, None)
    if run is not None:
        from securemnist.plugin.collection import check_claims, leave_out_tiers

        try:
            check_claims(config, run, items)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error
        leave_out_tiers(config, run, items)


def pytest_collection_finish(session: pytest.Session) -> None:
    run = session.config.stash.get(RUN, None)
    if run is not None:
        from securemnist.plugin.collection import model_is_given, row_of
        from securemnist.settings import NO_MODEL

        run.selected = {row.id for item in session.items if (row := row_of(item)) is not None}
        if model_is_given(session.items):
            run.model_spec = ""
        elif run.selected and run.model_spec is None:
            raise pytest.UsageError(NO_MODEL.format(policy=run.policy.path))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    outcome = yield
    run = item.config.stash.get(RUN, None)
    if run is None:
        return
    from securemnist.plugin.collection import message_of

    message = message_of(item, outcome.get_result())
    if message is not None:
        outcome.get_result().security = message


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    run = config.stash.get(RUN, None)
    worker = getattr(config, "workeroutput", None)
    if run is not None and worker is not None:
        worker["security_selected"] = sorted(run.selected)
        return
    if run is None or not run.active or config.getoption("collectonly"):
        return
    from securemnist.plugin import reporting

    reporting.write(session, run)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A pytest-xdist worker has ended: it alone knows which rows were selected."""
    run = node.config.stash.get(RUN, None)
    if run is not None:
        run.selected |= set(getattr(node, "workeroutput", {}).get("security_selected", ()))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    run = config.stash.get(RUN, None)
    if run is None or not run.findings:
        return
    from rich.console import Console

    from securemnist.plugin import reporting
    from securemnist.report.terminal import print_assessment

    text = io.StringIO()
    colour, width = terminalreporter.hasmarkup, max(80, terminalreporter._tw.fullwidth)
    console = Console(file=text, force_terminal=colour, no_color=not colour, width=width)
    print_assessment(run.assessment(config.rootpath), console)
    terminalreporter.section("security requirements")
    terminalreporter.write(text.getvalue())
    for line in reporting.told(config):
        terminalreporter.write_line(line)
