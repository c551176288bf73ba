"""Collection: the run of a policy, one test per row, and the check that every row has a test."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from securemnist import report
from securemnist._util import resources
from securemnist.errors import PolicyError
from securemnist.plugin.messages import family_of_measure, measure_of, row_of
from securemnist.plugin.narrowing import narrowing
from securemnist.plugin.session import Run
from securemnist.plugin.subject import definitions
from securemnist.project import settings
from securemnist.project.folders import USUAL, configured_policy
from securemnist.results import policy as policies
from securemnist.results.families import FAMILIES
from securemnist.results.scope import Scope
from securemnist.results.verdicts import DEFAULT_TIER
from securemnist.sanitize import line


def begin(config: pytest.Config, policy: Path) -> Run:
    """The run of a policy: the policy and the options of this pytest process."""
    project = settings.load(config.rootpath)
    markers = config.getoption("markexpr", "") or ""
    scope = Scope(
        tier=config.getoption("--security-tier") or _tier_of(markers),
        markers=markers,
        keywords=config.getoption("keyword", "") or "",
        paths=tuple(_suite_name(path, config) for path in config.args),
        narrowed=tuple(narrowing(config)),
    )
    spec = config.getoption("--security-model") or project.model_for(policy, _folder(config))
    loaded = policies.load(policy)
    folder = config.getoption("--security-report")
    if folder and not config.getoption("collectonly") and not hasattr(config, "workerinput"):
        report.check_report(Path(folder))
    renamed = dataclasses.replace(loaded, path=settings.policy_name(policy, _folder(config)))
    run = Run(renamed, scope, spec, tuple(_repeat_options(config, policy)), file=policy)
    run.repeat_spec = _spec_from_root(spec, config) if spec else None
    own = [path for path in config.args if Path(path).resolve() != resources.SUITES]
    run.suites = tuple(_from_root(path, config) for path in own)
    return run


def _folder(config: pytest.Config) -> Path:
    """The project's folder: pytest's rootdir, unless pytest was started outside of it."""
    start = config.invocation_params.dir
    return config.rootpath if start.is_relative_to(config.rootpath) else start


def _repeat_options(config: pytest.Config, policy: Path) -> Iterator[str]:
    """Options of `securemnist assess` that repeat this run."""
    usual = config.rootpath / USUAL
    configured = configured_policy(config.rootpath) or usual
    default = {path.resolve() for path in (usual, configured)}
    if settings.policy_name(policy, _folder(config)) == settings.BUNDLED:
        yield "--policy=bundled"  # the bundled policy is found from any folder
    elif policy.resolve() not in default:
        yield f"--policy={_from_root(str(policy), config)}"
    if data := config.getoption("--security-data"):
        yield f"--data={_from_root(data, config)}"
    if defence := config.getoption("--security-defence"):
        yield f"--defence={defence}"
    if (device := config.getoption("--security-device")) != "cpu":
        yield f"--device={device}"
    if config.getoption("--security-until-decided"):
        yield "--until-decided"
    for folder in config.getoption("--security-replay"):
        yield f"--replay={_from_root(folder, config)}"
    # Policy, data, model, conftest and relative paths are resolved in the project's folder.
    yield f"--project={config.rootpath}"


def _suite_name(path: str, config: pytest.Config) -> str:
    """A suite as the report names it; the package may lie in an environment inside the project."""
    if (config.invocation_params.dir / path).resolve() == resources.SUITES.resolve():
        return resources.SUITES.name
    return _from_root(path, config, private=True)


def _from_root(path: str, config: pytest.Config, *, private: bool = False) -> str:
    """A path relative to the project's folder. Outside: absolute, or only its name if `private`."""
    file, sign, rest = path.partition("::")
    resolved = (config.invocation_params.dir / file).resolve()
    if resolved.is_relative_to(config.rootpath):
        resolved = resolved.relative_to(config.rootpath)
    outside = resolved.is_absolute()
    return f"{resolved.name if private and outside else resolved.as_posix()}{sign}{rest}"


def _spec_from_root(spec: str, config: pytest.Config) -> str:
    """A SPEC whose file, if any, is relative to the project's folder."""
    head, sign, file = spec.rpartition("@")
    if (config.invocation_params.dir / file).is_file():
        return f"{head}{sign}{_from_root(file, config)}"
    return spec


def _tier_of(markers: str) -> str:
    """The tier that `-m` implies: full where the expression names it, else standard."""
    return "full" if "full" in markers.replace("(", " ").replace(")", " ").split() else DEFAULT_TIER


def parametrize(metafunc: pytest.Metafunc, run: Run | None) -> None:
    """One test per row; the row's id, family and tier become the test's id and markers.

    A measure without a row gets one test, which `remove_empty` removes: the effect of an empty parameter
    list depends on the user's pytest settings.
    """
    measure = measure_of(metafunc.definition) or ""
    family = family_of_measure(measure)
    names = [] if family is None else [family.name]
    if family is not None and family.name not in FAMILIES:  # pytest may demand that it is declared
        detail = f"{family.name}: {line(family.introduction, 200)}"
        metafunc.config.addinivalue_line("markers", detail)
    parameters = [
        pytest.param(row, id=row.id, marks=[getattr(pytest.mark, m) for m in (*names, row.tier)])
        for row in (run.policy.rows(measure) if run is not None else ())
    ]
    metafunc.parametrize("requirement", parameters or [pytest.param(None, id="no row")])


def remove_empty(items: list[pytest.Item]) -> None:
    """Remove the tests of measures for which the policy has no row."""
    items[:] = [item for item in items if row_of(item) is not None or measure_of(item) is None]


def check_suites(config: pytest.Config, run: Run, collected: frozenset[str]) -> None:
    """PolicyError unless every row can be judged, and has a test in a run of complete suites.

    `collected`: the measures with a test. In a run of single files or tests that the command line names,
    rows may lack one; `testpaths` are whole suites, files among them.
    """
    from securemnist.evaluation import own_doubts
    from securemnist.measures import check_policy, find

    trusted = frozenset(settings.load(config.rootpath).trusted)
    check_policy(run.policy, custom=collected, trusted=trusted)
    own_doubts.of_project(config.rootpath)  # a wrong name ends the run before its first row
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS or all(
        (config.invocation_params.dir / path).is_dir() for path in config.args
    )
    for row in run.policy.requirements:
        if whole and row.measure not in collected:
            detail = "no suite has a test for it" if find(row.measure) else "it is unknown"
            ignored = [word for word in run.scope.narrowed if word.startswith("--ignore")]
            because = f"; this run ignores files: {', '.join(ignored)}" if ignored else ""
            raise PolicyError(
                f"{run.policy.path}: row {row.id}: expected a measure with a collected test, got "
                f"{row.measure!r} ({detail}{because}); name the folder of your suite that has one, add a "
                f"test marked measure({row.measure!r}), or remove the row"
            )


def deselect_tiers(config: pytest.Config, run: Run, items: list[pytest.Item]) -> None:
    """Deselect the rows whose tier is above that of the run."""
    _deselect(
        config,
        items,
        {item for item in items if (row := row_of(item)) is not None and run.scope.excludes(row)},
    )


def deselect_repeated(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that a second file imports as well, so that each row is measured once.

    A test of the same function, row, parameters, fixtures and marks measures the same.
    """
    kept: dict[tuple[object, str], list[pytest.Item]] = {}
    repeated = set[pytest.Item]()
    for item in items:
        if (row := row_of(item)) is None:
            continue
        others = kept.setdefault((getattr(item, "function", item), row.id), [])
        if any(_circumstances(item) == _circumstances(other) for other in others):
            repeated.add(item)
        else:
            others.append(item)
    _deselect(config, items, repeated)


def _circumstances(item: pytest.Item) -> tuple[object, ...]:
    """Parameters, fixtures and marks of a test."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    used = {name: tuple(found) for name, found in definitions(item).items() if name not in params}
    return params, used, list(item.iter_markers())


def _deselect(
    config: pytest.Config, items: list[pytest.Item], deselected: set[pytest.Item]
) -> None:
    if deselected:
        config.hook.pytest_deselected(items=[item for item in items if item in deselected])
        items[:] = [item for item in items if item not in deselected]
