"""From policy rows to pytest items and back: parametrization, scope, claims, messages."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from securemnist import policy as policies
from securemnist import report, resources, settings
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
    spec = config.getoption("--security-model") or chosen.model_for(
        config.invocation_params.dir / policy
    )
    read = policies.load(policy)
    folder = config.getoption("--security-report")
    if folder and not config.getoption("collectonly") and not hasattr(config, "workerinput"):
        report.check_writable(Path(folder))
    shown = dataclasses.replace(read, path=_shown(str(policy), config))
    run = Run(shown, scope, spec, tuple(_asked(config, policy)))
    run.repeat_spec = _spec_from_root(spec, config) if spec else None
    own = [path for path in config.args if Path(path).resolve() != resources.SUITES]
    run.suites = tuple(_from_root(path, config) for path in own)
    return run


def _asked(config: pytest.Config, policy: Path) -> Iterator[str]:
    """Options of this run, as `securemnist assess` has them, without which it would be another."""
    usual = config.rootpath / "security_tests" / "thresholds.toml"
    configured = configured_policy(config.rootpath) or usual
    found = {path.resolve() for path in (usual, configured, resources.POLICY)}
    absolute = (config.invocation_params.dir / policy).resolve()
    if absolute not in found:
        yield f"--policy={_from_root(str(policy), config)}"
    if data := config.getoption("--security-data"):
        yield f"--data={_from_root(data, config)}"
    if (device := config.getoption("--security-device")) != "cpu":
        yield f"--device={device}"
    if config.getoption("--security-until-decided"):
        yield "--until-decided"
    for folder in config.getoption("--security-replay"):
        yield f"--replay={_from_root(folder, config)}"
    # Policy, data, model and conftest of the project are found from its folder, and paths start there.
    yield f"--project={config.rootpath}"


def _from_root(path: str, config: pytest.Config) -> str:
    """A path as it is written in the project's folder: relative inside of it, else absolute."""
    file, sign, rest = path.partition("::")
    absolute = (config.invocation_params.dir / file).resolve()
    inside = absolute.is_relative_to(config.rootpath)
    shown = absolute.relative_to(config.rootpath) if inside else absolute
    return f"{shown.as_posix()}{sign}{rest}"


def _spec_from_root(spec: str, config: pytest.Config) -> str:
    """A SPEC as it is written in the project's folder, where it names a file."""
    head, sign, file = spec.rpartition("@")
    if (config.invocation_params.dir / file).is_file():
        return f"{head}{sign}{_from_root(file, config)}"
    return spec


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
