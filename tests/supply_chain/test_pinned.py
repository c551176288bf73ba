"""Pinned dependencies: whether locks cover what a project declares, and what is installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.version import Version

from securemnist._util import resources
from securemnist.supply_chain import pinned, requirements_file

HASH = "a" * 64
PROJECT = """
[project]
name = "Mine"
dependencies = ["num.py >= 2", "other; python_version < '3'"]
[project.optional-dependencies]
all = ["mine[extra]", "scipy==1.17.1"]
[dependency-groups]
dev = [{ include-group = "test" }]
test = ["pytest<10"]
"""
LOCK = "".join(
    f"{pin} --hash=sha256:{HASH}\n" for pin in ("num-py==2.4", "scipy==1.17.1", "pytest==9.2.0")
)


def wrong(folder: Path, project: str = PROJECT, lock: str = LOCK) -> list[str]:
    """What does not hold for a project with these files."""
    (folder / "pyproject.toml").write_text(project)
    (folder / "requirements.txt").write_text(lock)
    checks = pinned.checks(folder, installed=False)
    return [f"{check.name}: {check.found}" for check in checks if not check.holds]


def test_every_declared_dependency_is_covered(tmp_path: Path) -> None:
    """Dependencies, extras and groups are all pinned; the project itself needs no pin."""
    assert wrong(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("num.py >= 2", "num.py >= 3", "num.py: 2.4"),
        ("num.py", "torch", "torch: no pin"),
        ("< '3'", "> '3'", "other: no pin"),
        ('"pytest<10"', '"not a requirement"', "'not a requirement'"),
        pytest.param("pytest<10", f"pytest<{'9' * 5000}", "'pytest<999", id="digits"),
        pytest.param(
            "< '3'", f"< '{'9' * 5000}'", "other; python_version", id="digits of a marker"
        ),
        ('["pytest<10"]', '"pytest"', ""),
        ("num.py >= 2", "num.py @ https://example.org/num.whl", "num.py: the address https"),
        ("[dependency-groups]", "[tool.poetry.dependencies]", "tool.poetry"),
        ("[dependency-groups]", "[tool.poetry.group.dev.dependencies]", "tool.poetry"),
        ("[dependency-groups]", "[tool.poetry.dependencies]\npython = '^3.11'\n[x]", ""),
        ("[dependency-groups]", "[tool.uv]\ndev-dependencies = ['a']\n[x]", "tool.uv"),
        ("[dependency-groups]", "[tool.uv]\ndev-dependencies = []\n[x]", ""),
        ("[dependency-groups]", "[tool.rye]\ndev-dependencies = ['a']\n[x]", "tool.rye"),
        ("[dependency-groups]", "[tool.hatch.envs.x]\ndependencies = 5\n[x]", "tool.hatch.envs"),
        ("[dependency-groups]", "[tool.hatch.build.hooks.x]\ndependencies = ['a']\n[x]", ""),
        (
            "[dependency-groups]",
            "[tool.flit.metadata]\nrequires = ['a']\n[x]",
            "tool.flit.metadata",
        ),
        ("[dependency-groups]", "[tool.flit.metadata.requires-extra]\nx = ['a']\n[x]", "tool.flit"),
        ("[dependency-groups]", "[tool.uv.sources]\nNum-Py = { git = 'a' }\n[x]", "Num-Py: git"),
        ("[dependency-groups]", "[tool.uv.sources]\nscipy = [{ path = 'a' }]\n[x]", "scipy: path"),
        ("[dependency-groups]", "[tool.uv.sources]\nscipy = { index = 'a' }\n[x]", ""),
        ("[dependency-groups]", "[tool.uv.sources]\nother = 5\n[x]", "other: 5"),
        ("[dependency-groups]", "[tool.pixi.feature.x.pypi-dependencies]", "tool.pixi"),
        ('name = "Mine"', 'name = "Mine"\ndynamic = ["optional-dependencies"]', "a dynamic list"),
        ("[project]", "[project", "pyproject.toml: "),
    ],
)
def test_a_gap_is_named(tmp_path: Path, old: str, new: str, found: str) -> None:
    """A dependency without a pin, outside of the declared versions or unread does not hold."""
    assert old in PROJECT
    names = wrong(tmp_path, PROJECT.replace(old, new))
    assert bool(names) is bool(found)
    assert not found or any(found in name for name in names)


OTHERS = (
    "setup.py",
    "setup.cfg",
    "Pipfile",
    "pixi.toml",
    "hatch.toml",
    "environment-dev.yml",
    "conda.yaml",
    "docker/environment.yml",
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", OTHERS)
def test_dependencies_elsewhere_are_not_passed(tmp_path: Path, name: str, encoding: str) -> None:
    """Files of other forms that declare dependencies do not hold, because they are not read.

    So in UTF-16, which PowerShell writes for `conda env export > environment.yml`.
    """
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("extras_require = dependencies = packages", encoding=encoding)
    assert [text.partition(":")[0] for text in wrong(tmp_path)] == [name]
    path.write_text("nothing", encoding=encoding)
    assert wrong(tmp_path) == []


@pytest.mark.parametrize("name", ["poetry.lock", "pdm.lock", "Pipfile.lock", "conda-lock.yml"])
def test_a_lock_of_another_form_is_not_passed(tmp_path: Path, name: str) -> None:
    """A lock that is not read could hold any version, unless the row names another one."""
    (tmp_path / name).touch()
    assert wrong(tmp_path) == [f"{name}: a lock of another form"]
    assert [one.path for one in pinned.locks(tmp_path) if one.unread] == [name]
    assert all(one.holds for one in pinned.checks(tmp_path, ["requirements.txt"], installed=False))


NESTED = (
    "dev-requirements.txt",
    "Requirements.txt",
    "docker/requirements.txt",
    "requirements/a/b.txt",
)


@pytest.mark.parametrize("name", NESTED)
def test_requirements_beside_others_are_read(tmp_path: Path, name: str) -> None:
    """Requirements count by their usual names, also those of a folder, and once where included."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("torch<2\n")
    assert wrong(tmp_path) == ["torch: <2"]
    assert wrong(tmp_path, lock=f"{LOCK}-r {name}\n") == ["torch: <2"]


def test_dependencies_of_a_script_need_a_lock(tmp_path: Path) -> None:
    """A script that names dependencies in its comments (PEP 723) is locked by a file beside it."""
    script = tmp_path / "tools" / "run.py"
    script.parent.mkdir()
    for block in ('dependencies = ["torch"]', "dependencies = ["):
        lines = (
            "# /// script",
            *(f"# {line}" for line in block.splitlines()),
            "# ///",
            "import torch",
        )
        script.write_text("\r\n".join(lines))
        assert wrong(tmp_path) == ["tools/run.py: dependencies of a script"]
    script.with_name("run.py.lock").write_text("version = 1\n[[package]]\nname = 'torch'\n")
    assert [text.partition(":")[0] for text in wrong(tmp_path)] == ["torch"]
    script.with_name("run.py.lock").unlink()
    for text in ("# /// script\n# requires-python = '>=3.11'\n# ///\n", "'# /// script'\n" * 9):
        script.write_text(text)
        assert wrong(tmp_path) == []


def test_a_project_without_a_lock_does_not_hold(tmp_path: Path) -> None:
    """Code without a lock is a project with one check that fails; an empty folder is no project."""
    assert not pinned.is_project(tmp_path)
    (tmp_path / "model.py").touch()
    assert pinned.is_project(tmp_path)
    (check,) = pinned.checks(tmp_path)
    assert not check.holds


def test_an_empty_lock_does_not_hold(tmp_path: Path) -> None:
    """A lock without packages says nothing about what is installed."""
    for text in ("", "# nothing\n", "--pre\n-c constraints.txt\n"):
        assert wrong(tmp_path, "", text) == ["requirements.txt: no packages"]


def test_installed_versions_are_the_pinned_ones(tmp_path: Path) -> None:
    """An installed dependency of a dependency counts, too: at another version, and without a pin."""
    project = '[project]\nname = "mine"\ndependencies = ["jinja2"]\n'
    lock = f"jinja2==1.0 --hash=sha256:{HASH}\n"
    wrong(tmp_path, project, lock)
    checks = {check.name: check for check in pinned.checks(tmp_path) if not check.holds}
    assert checks["jinja2"].expected == "1.0"
    assert checks["markupsafe"].expected == "a pin of it"


def test_a_local_version_counts_as_its_public_one() -> None:
    """A build such as 2.13.0+cpu is the pinned 2.13.0, but 2.13.1 is not."""
    assert pinned._equal("2.13.0", "2.13.0+cpu")
    assert not pinned._equal("2.13.0", "2.13.1")
    assert not pinned._equal("odd version", "2.13.0")


def test_the_locks_of_this_project_agree() -> None:
    """requirements.lock has the versions of constraints.txt, and names no index and no address."""
    text = (resources.ROOT / "constraints.txt").read_text()
    constraints = dict(re.findall(r"^([\w.-]+)==(\S+)$", text, re.MULTILINE))
    versions = {re.sub(r"[-_.]+", "-", k).lower(): Version(v) for k, v in constraints.items()}
    lock = requirements_file.read(resources.ROOT, "requirements.lock")
    assert all(check.holds for check in lock.checks)
    pins = {pin.name: Version(pin.version) for pin in lock.pins}
    assert {name: pins[name] for name in pins if name in versions} == {
        name: versions[name] for name in versions if name in pins
    }
    assert len(pins) > 100
    assert "://" not in (resources.ROOT / "requirements.lock").read_text()


def test_a_pin_of_another_platform_covers_nothing(tmp_path: Path) -> None:
    """A line whose marker excludes this machine is no pin: an installation leaves it out."""
    lock = LOCK.replace("num-py==2.4", "num-py==2.4 ; python_version < '3'")
    assert wrong(tmp_path, lock=lock) == ["num.py: no pin"]
