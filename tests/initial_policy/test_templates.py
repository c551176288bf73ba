"""Files that `securemnist init` writes, and the origin of the installed copy."""

from __future__ import annotations

import ast
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest

from securemnist._util.resources import WEIGHTS
from securemnist.initial_policy import templates
from securemnist.models import loading
from securemnist.project import origin


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", '[tool.securemnist]\ndata = "d"\n'),
        ("[project]\nname = 'x'", "[project]\nname = 'x'\n\n[tool.securemnist]\ndata = \"d\"\n"),
        ("[tool.securemnist]\n", None),
        ("tool = { securemnist = { } }\n", None),
        ("tool = { other = 1 }\n", None),
        ("tool = 1\n", None),
        ("not toml", None),
    ],
)
def test_settings_are_only_appended_to(text: str, expected: str | None) -> None:
    """The new table is appended if that changes nothing else, and refused otherwise."""
    assert templates.with_data(text, "d") == expected


def test_conftest_of_a_weight_file_resolves_the_spec(tmp_path: Path) -> None:
    """The `model` fixture for a SPEC that names no factory loads that SPEC."""
    path = tmp_path / "conftest.py"
    path.write_text(templates.conftest("certified"))
    model = runpy.run_path(str(path))["model"].__wrapped__()
    assert model.digest == loading.resolve("certified").digest


@pytest.mark.parametrize("spec", ["nets/net.safetensors", "A@nets/net.safetensors"])
def test_conftest_finds_a_file_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    """The fixture loads a relative file of the project where pytest is started in a folder below it."""
    (tmp_path / "nets").mkdir()
    for suffix in ("safetensors", "json"):
        shutil.copy(WEIGHTS / f"baseline.{suffix}", tmp_path / f"nets/net.{suffix}")
    path = tmp_path / "conftest.py"
    path.write_text(templates.conftest(spec))
    for folder, expected in ((tmp_path, spec), (tmp_path / "nets", spec.replace("nets/", ""))):
        monkeypatch.chdir(folder)
        model = runpy.run_path(str(path))["model"].__wrapped__()
        assert model.digest == loading.resolve("baseline").digest
        assert model.spec == expected  # no path of this machine in a report


@pytest.mark.parametrize("spec", ["https://h/v2/models/net", "/models/net.onnx", "baseline"])
def test_conftest_leaves_other_specs_as_they_are(spec: str) -> None:
    """An address, an absolute path and the name of a reference model are written as they were given."""
    text = templates.conftest(spec)
    ast.parse(text)
    assert f'loading.resolve("{spec}"' in text


@pytest.mark.parametrize(
    ("record", "line", "fixed"),
    [
        (None, "securemnist==1.2", False),
        (
            {"url": "https://h/r.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
            "securemnist @ git+https://h/r.git@c0ffee",
            True,
        ),
        (
            {"url": "https://h/s.whl", "archive_info": {"hashes": {"sha256": "ab"}}},
            "securemnist @ https://h/s.whl#sha256=ab",
            True,
        ),
        (
            {"url": "https://h/s.whl", "archive_info": {"hash": "sha256=ab"}},
            "securemnist @ https://h/s.whl#sha256=ab",
            True,
        ),
        ({"url": "https://h/s.whl", "archive_info": {}}, "securemnist @ https://h/s.whl", False),
        ({"url": "file:///s", "dir_info": {"editable": True}}, "securemnist @ file:///s", True),
    ],
)
def test_requirements_name_the_installed_copy(
    tmp_path: Path, record: dict[str, Any] | None, line: str, fixed: bool
) -> None:
    """The requirements name version and origin of the installed copy, never a bare name."""
    source = origin.from_record("1.2", record)
    assert (source.line, source.fixed) == (line, fixed)
    assert line in templates.requirements(tmp_path, source).splitlines()
    text = templates.noxfile(tmp_path, source=source)
    ast.parse(text)
    assert "--require-hashes" in text
    # Without content to hold it to, nothing is installed before it is locked with hashes.
    assert ("session.error(" in text) == (not fixed)


def test_requirements_contain_those_of_the_project(tmp_path: Path) -> None:
    """The gate imports the model, so it gets requirements.txt, else the dependencies of the project."""
    stated = '["einops>=0.7", "SecureMNIST", "x @ file:///x", "no requirement"]'
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "p"\ndependencies = {stated}\n')
    source = origin.from_record("1.2", None)
    lines = templates.requirements(tmp_path, source).splitlines()
    assert lines[-3:] == ["securemnist==1.2", "einops>=0.7", "x @ file:///x"]
    (tmp_path / "requirements.txt").touch()
    lines = templates.requirements(tmp_path, source).splitlines()
    assert lines[-2:] == ["securemnist==1.2", "-r ../requirements.txt"]


def test_origin_of_this_copy_is_specific() -> None:
    """The origin of this copy names more than the project."""
    assert origin.installed().line.startswith(("securemnist==", "securemnist @ "))
