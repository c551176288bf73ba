"""From policy rows to pytest items and back: parametrization, scope, claims, messages."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from securemnist import policy as policies
from securemnist import report, settings
from securemnist.errors import PolicyError
from securemnist.findings import TIERS, Requirement, Verdict
from securemnist.plugin.project import configured_policy
from securemnist.plugin.session import Run, Scope

MESSAGE = pytest.StashKey[dict[str, Any]]()


def begin(config: pytest.Config, policy: Path) -> Run:
    """The run of a policy: read it, and what the options ask for."""
    chosen = settings.load(config.rootpath)
    markers = config.getoption("markexpr", "") or ""
    scope = Scope(
        tier=config.getoption("--security-tier") or _tier_of(markers),
        markers=markers,
        keywords=config.getoption("keyword", "") or "",
        paths=tuple(_shown(path, config) for path in config.args),
    )
    absolute = config.invocation_params.dir / policy
    spec = config.getoption("--security-model") or chosen.model_for(absolute, _folder(config))
    read = policies.load(policy)
    folder = config.getoption("--security-report")
    if folder and not config.getoption("collectonly") and not hasattr(config, "workerinput"):
        report.check_writable(Path(folder))
    shown = dataclasses.replace(read, path=settings.policy_name(absolute, _folder(config)))
    return Run(shown, scope, spec, tuple(_asked(config, policy)))


def _folder(config: pytest.Config) -> Path:
    """The project of a run: pytest may take the folder of a named policy for it, started elsewhere."""
    start = config.invocation_params.dir
    return config.rootpath if start.is_relative_to(config.rootpath) else start


def _asked(config: pytest.Config, policy: Path) -> Iterator[str]:
    """Options of this run, as `securemnist assess` has them, without which it would be another."""
    usual = config.rootpath / "security_tests" / "thresholds.toml"
    configured = configured_policy(config.rootpath) or usual
    found = {path.resolve() for path in (usual, configured)}
    absolute = (config.invocation_params.dir / policy).resolve()
    if settings.policy_name(absolute, _folder(config)) == settings.BUNDLED:
        yield "--policy=bundled"  # the command finds it from any folder
    elif absolute not in found:
        inside = absolute.is_relative_to(config.rootpath)
        yield f"--policy={_shown(str(policy), config) if inside else policy}"
    if data := config.getoption("--security-data"):
        yield f"--data={data}"
    if (device := config.getoption("--security-device")) != "cpu":
        yield f"--device={device}"
    if config.getoption("--security-until-decided"):
        yield "--until-decided"
    yield from (f"--replay={folder}" for folder in config.getoption("--security-replay"))


def _tier_of(markers: str) -> str:
    """`-m full` asks for the rows of the full tier, so it must not leave them out again."""
    return "full" if "full" in markers.replace("(", " ").replace(")", " ").split() else "standard"


def _shown(path: str, config: pytest.Config) -> str:
    """A path as others can read it: relative to the project where it is inside."""
    file, _, rest = path.partition("::")
    absolute = (config.invocation_params.dir / file).resolve()
    if absolute.is_relative_to(config.rootpath):
        file = absolute.relative_to(config.rootpath).as_posix()
    else:
        file = absolute.name
    return f"{file}::{rest}" if rest else file


def parametrize(metafunc: pytest.Metafunc, marker: pytest.Mark, run: Run | None) -> None:
    """One test a row; the row's id, family and tier become the test's id and markers."""
    rows = run.policy.rows(marker.args[0]) if run else ()
    family = _family(marker.args[0])
    parameters = [
        pytest.param(row, id=row.id, marks=[getattr(pytest.mark, m) for m in (*family, row.tier)])
        for row in rows
    ]
    metafunc.parametrize("requirement", parameters)


def _family(measure: str) -> tuple[str, ...]:
    from securemnist.measures import MEASURES

    return (MEASURES[measure].family,) if measure in MEASURES else ()


def row_of(item: pytest.Item) -> Requirement | None:
    """The requirement that a suite's test is about; a `requirement` of other tests is theirs."""
    if item.get_closest_marker("measure") is None:
        return None
    call = getattr(item, "callspec", None)
    row = call.params.get("requirement") if call is not None else None
    return row if isinstance(row, Requirement) else None


def model_is_given(items: list[pytest.Item]) -> bool:
    """Whether a `model` fixture of the user's stands before ours: then no SPEC names the subject."""
    for item in items:
        known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
        if found := known.get("model"):
            return bool(found[-1].func.__module__ != "securemnist.plugin.fixtures")
    return False


def check_claims(config: pytest.Config, run: Run, items: list[pytest.Item]) -> None:
    """Every row can be judged, and in a run of whole suites some test claims it.

    A run of single files or tests is a scope, not an error; so is one without any suite.
    """
    from securemnist.measures import MEASURES, check_policy

    markers = [marker for item in items if (marker := item.get_closest_marker("measure"))]
    claimed = frozenset(marker.args[0] for marker in markers)
    if not claimed:
        return
    check_policy(run.policy, foreign=claimed)
    whole = all((config.invocation_params.dir / path).is_dir() for path in config.args)
    for row in run.policy.requirements:
        if whole and row.measure not in claimed:
            known = "no suite has a test for it" if row.measure in MEASURES else "it is unknown"
            raise PolicyError(
                f"{run.policy.path}: row {row.id}: expected a measure that a collected suite claims, got "
                f"{row.measure!r} ({known}); remove the row or add a test marked "
                f"measure({row.measure!r})"
            )


def leave_out_tiers(config: pytest.Config, run: Run, items: list[pytest.Item]) -> None:
    """Deselect the rows whose tier is above that of the run; forget tests that have no row."""
    items[:] = [item for item in items if row_of(item) is not None or not _wants_a_row(item)]
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        row = row_of(item)
        (left_out if row is not None and run.scope.excludes(row) else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def _wants_a_row(item: pytest.Item) -> bool:
    """Whether this is a suite's test; without a row for its measure pytest leaves a skipped stub."""
    names = getattr(item, "fixturenames", ())
    return item.get_closest_marker("measure") is not None and "requirement" in names


def message_of(item: pytest.Item, report: pytest.TestReport) -> dict[str, Any] | None:
    """What a report carries of a row: its finding, or the ERROR that prevented one."""
    row = row_of(item)
    if row is None or report.when == "teardown":
        return None
    recorded = item.stash.get(MESSAGE, None)
    if recorded is not None:
        return recorded if report.when == "call" else None
    if report.passed and report.when == "setup":
        return None
    if report.skipped:
        verdict, reason = Verdict.NOT_RUN, _skip_reason(report)
    elif report.passed:
        verdict, reason = Verdict.ERROR, "its test recorded no finding; it must call record(...)"
    else:
        verdict, reason = Verdict.ERROR, _crash_sentence(report)
    finding = row.unmeasured(verdict, reason, claim=claim_of(item), family=family_of(item))
    return {"finding": finding.to_json(), "subject": {}, "processor": ""}


def claim_of(item: pytest.Item) -> str:
    """The docstring of a suite test, as one line."""
    return " ".join((getattr(getattr(item, "obj", None), "__doc__", None) or "").split())


def family_of(item: pytest.Item) -> str:
    """The family of an item's measure, or the first of its markers that is none of ours."""
    marker = item.get_closest_marker("measure")
    family = _family(marker.args[0]) if marker else ()
    if family:
        return family[0]
    own = (m.name for m in item.iter_markers() if m.name not in (*TIERS, "measure", "parametrize"))
    return next(own, "other")


def _skip_reason(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    return str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)


def _crash_sentence(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    line = (text.strip().splitlines() or ["the test crashed"])[0]
    # An error of ours is a sentence of its own; its class says nothing more.
    return re.sub(r"^securemnist\.errors\.\w+: ", "", line)
