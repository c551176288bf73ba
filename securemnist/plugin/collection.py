"""From the policy to tests: the run of a policy, one test a row, and whether every row has a test."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from securemnist import report
from securemnist._util import resources
from securemnist.errors import PolicyError
from securemnist.plugin.messages import family_of_measure, row_of
from securemnist.plugin.narrowing import narrowing
from securemnist.plugin.project import USUAL, configured_policy
from securemnist.plugin.session import Run, Scope
from securemnist.project import settings
from securemnist.results import policy as policies
from securemnist.results.families import FAMILIES
from securemnist.sanitize import line


def begin(config: pytest.Config, policy: Path) -> Run:
    """The run of a policy: read it, and what the options ask for."""
    chosen = settings.load(config.rootpath)
    markers = config.getoption("markexpr", "") or ""
    scope = Scope(
        tier=config.getoption("--security-tier") or _tier_of(markers),
        markers=markers,
        keywords=config.getoption("keyword", "") or "",
        paths=tuple(_shown(path, config) for path in config.args),
        narrowed=narrowing(config),
    )
    spec = config.getoption("--security-model") or chosen.model_for(policy, _folder(config))
    read = policies.load(policy)
    folder = config.getoption("--security-report")
    if folder and not config.getoption("collectonly") and not hasattr(config, "workerinput"):
        report.check_writable(Path(folder))
    shown = dataclasses.replace(read, path=settings.policy_name(policy, _folder(config)))
    run = Run(shown, scope, spec, tuple(_asked(config, policy)), file=policy)
    run.repeat_spec = _spec_from_root(spec, config) if spec else None
    own = [path for path in config.args if Path(path).resolve() != resources.SUITES]
    run.suites = tuple(_from_root(path, config) for path in own)
    return run


def _folder(config: pytest.Config) -> Path:
    """The project of a run: pytest may take the folder of a named policy for it, started elsewhere."""
    start = config.invocation_params.dir
    return config.rootpath if start.is_relative_to(config.rootpath) else start


def _asked(config: pytest.Config, policy: Path) -> Iterator[str]:
    """Options of this run, as `securemnist assess` has them, without which it would be another."""
    usual = config.rootpath / USUAL
    configured = configured_policy(config.rootpath) or usual
    found = {path.resolve() for path in (usual, configured)}
    if settings.policy_name(policy, _folder(config)) == settings.BUNDLED:
        yield "--policy=bundled"  # the command finds it from any folder
    elif policy.resolve() not in found:
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


def is_suite(definition: pytest.Item, fixturenames: object) -> bool:
    """Whether a test belongs to a suite: marked measure("name"), with the fixture `requirement`."""
    marker = definition.get_closest_marker("measure")
    named = marker is not None and len(marker.args) == 1 and isinstance(marker.args[0], str)
    return named and isinstance(fixturenames, list) and "requirement" in fixturenames


def parametrize(metafunc: pytest.Metafunc, run: Run | None) -> None:
    """One test a row; the row's id, family and tier become the test's id and markers.

    A measure without a row gets one test that is forgotten again: what pytest does of an empty list is a
    setting of the user's.
    """
    marker = metafunc.definition.get_closest_marker("measure")
    measure = marker.args[0] if marker is not None else ""
    family = family_of_measure(measure)
    names = [] if family is None else [family.name]
    if family is not None and family.name not in FAMILIES:  # pytest may demand that it is declared
        told = f"{family.name}: {line(family.introduction, 200)}"
        metafunc.config.addinivalue_line("markers", told)
    parameters = [
        pytest.param(row, id=row.id, marks=[getattr(pytest.mark, m) for m in (*names, row.tier)])
        for row in (run.policy.rows(measure) if run is not None else ())
    ]
    metafunc.parametrize("requirement", parameters or [pytest.param(None, id="no row")])


def measures_of(items: list[pytest.Item]) -> frozenset[str]:
    """The measures that the suites among these tests claim."""
    markers = [
        item.get_closest_marker("measure")
        for item in items
        if is_suite(item, getattr(item, "fixturenames", ()))
    ]
    return frozenset(marker.args[0] for marker in markers if marker is not None)


def forget_empty(items: list[pytest.Item]) -> None:
    """Remove the tests of measures for which the policy has no row."""
    items[:] = [
        item
        for item in items
        if row_of(item) is not None or not is_suite(item, getattr(item, "fixturenames", ()))
    ]


def check_claims(config: pytest.Config, run: Run, claimed: frozenset[str]) -> None:
    """Every row can be judged, and in a run of whole suites some test claims it.

    `claimed`: the measures with a test. A run of single files or tests is a scope, not an error.
    """
    from securemnist.evaluation import own_doubts
    from securemnist.measures import check_policy, find

    trusted = frozenset(settings.load(config.rootpath).trusted)
    check_policy(run.policy, custom=claimed, trusted=trusted)
    own_doubts.of_project(config.rootpath)  # a wrong name ends the run before its first row
    whole = all((config.invocation_params.dir / path).is_dir() for path in config.args)
    for row in run.policy.requirements:
        if whole and row.measure not in claimed:
            known = "no suite has a test for it" if find(row.measure) else "it is unknown"
            left_out = [word for word in run.scope.narrowed if word.startswith("--ignore")]
            because = f"; this run leaves files out: {', '.join(left_out)}" if left_out else ""
            raise PolicyError(
                f"{run.policy.path}: row {row.id}: expected a measure that a collected suite claims, got "
                f"{row.measure!r} ({known}{because}); remove the row or add a test marked "
                f"measure({row.measure!r})"
            )


def leave_out_tiers(config: pytest.Config, run: Run, items: list[pytest.Item]) -> None:
    """Deselect the rows whose tier is above that of the run."""
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        row = row_of(item)
        (left_out if row is not None and run.scope.excludes(row) else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
