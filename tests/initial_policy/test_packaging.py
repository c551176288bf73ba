"""What `init` says about building the project that it writes into; setuptools itself builds it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from securemnist.initial_policy import packaging

PROJECT = '[project]\nname = "mine"\nversion = "1"\n'


def builds(folder: Path) -> bool:
    """Whether setuptools finds the packages of a project."""
    # Not imported here: it refuses to replace a distutils that another test has loaded.
    if importlib.util.find_spec("setuptools") is None:
        pytest.skip("setuptools is not installed")
    command = [sys.executable, "-c", "from setuptools import setup; setup()", "-q", "egg_info"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "Multiple top-level packages" in done.stderr, done.stderr
    return done.returncode == 0


@pytest.mark.parametrize("name", ["mine/__init__.py", "mine.py"])
def test_a_project_with_found_packages_is_told_what_to_add(name: str, tmp_path: Path) -> None:
    """With the folders of the gate setuptools refuses the project, and with the advice it does not."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    assert builds(tmp_path)
    for folder in ("security_tests", "reports"):
        (tmp_path / folder).mkdir()
    assert not builds(tmp_path)
    found = re.search(r"add to \[tool.setuptools\]: (.*)$", packaging.advice(tmp_path, "mine"))
    assert found
    (tmp_path / "pyproject.toml").write_text(f"{PROJECT}[tool.setuptools]\n{found[1]}\n")
    assert builds(tmp_path)
    assert packaging.advice(tmp_path, "mine") == ""


@pytest.mark.parametrize(
    "text",
    [
        *("", "not toml", "tool = 1\n", "[tool.ruff]\n"),
        '[build-system]\nbuild-backend = "hatchling.build"\n',
        f"{PROJECT}[tool.setuptools]\npackages = []\n",
    ],
)
def test_other_projects_need_nothing(text: str, tmp_path: Path) -> None:
    """Settings alone, another builder, and stated packages are left as they are."""
    (tmp_path / "pyproject.toml").write_text(text)
    assert packaging.advice(tmp_path, "mine") == ""


def test_packages_in_src_or_in_older_settings_need_nothing(tmp_path: Path) -> None:
    """A `src` folder, and packages that setup.py or setup.cfg states, are not searched for."""
    (tmp_path / "setup.py").write_text("from setuptools import setup\n\nsetup()\n")
    assert 'include = ["PACKAGE*"]' in packaging.advice(tmp_path, "net")
    (tmp_path / "setup.cfg").write_text("[options]\npackages = find:\n")
    assert packaging.advice(tmp_path, "net") == ""
    (tmp_path / "setup.cfg").unlink()
    (tmp_path / "src").mkdir()
    assert packaging.advice(tmp_path, "net") == ""
