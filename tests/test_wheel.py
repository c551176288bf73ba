"""The wheel in a new environment and an empty folder, with a toy network."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import securemnist
from securemnist._util import resources

TOY = """
import torch

def make_net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
"""


def run(*command: str, cwd: Path, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    """A command with its output captured."""
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout)


EXTRAS = ("keras", "onnx", "parquet", "serve")


def test_imported_packages_are_dependencies() -> None:
    """Every package that the code imports is a declared dependency, or one of an extra for users."""
    project = tomllib.loads((resources.ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needs = [*project["dependencies"], *(need for name in EXTRAS for need in extras[name])]
    declared = {_plain(re.split(r"[\[><=~!]", need)[0]) for need in needs}
    owners = importlib.metadata.packages_distributions()
    for path in Path(securemnist.__file__).parent.rglob("*.py"):
        for name in _imported(path) - set(sys.stdlib_module_names) - {"securemnist", "conftest"}:
            assert declared & set(map(_plain, owners[name])), f"{path} imports {name}"


def _plain(name: str) -> str:
    """A distribution's name as indices compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _imported(path: Path) -> set[str]:
    """The top-level packages that a file names in its imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.timeout(1_800)
def test_wheel_assesses_a_model_and_reports(tmp_path: Path) -> None:
    """Installed beside its dependencies only, the wheel assesses a toy network and writes a report."""
    built = run(
        *(sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path / "dist")),
        *(".",),
        cwd=resources.ROOT,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "security_tests/thresholds.toml",
        "security_tests/threats.toml",
        "security_tests/advisories.toml",
        "security_tests/data-record.json",
        "fixtures/weights/baseline.safetensors",
        "fixtures/reference-curves.json",
        "fixtures/published-claims.toml",
    ):
        assert f"securemnist/_bundled/{needed}" in names
    # A pip of its own takes seconds; uv makes environments, such as this one may be, without.
    has_pip = importlib.util.find_spec("pip") is not None
    venv.create(tmp_path / "venv", with_pip=not has_pip)
    bin_folder = tmp_path / "venv" / "bin"
    python = str(bin_folder / "python")
    pip = (sys.executable, "-m", "pip", "--python", python) if has_pip else (python, "-m", "pip")
    options = ("-q", "--no-deps", "--no-index", "--no-compile")
    installed = run(*pip, "install", *options, str(wheel), cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    # The dependencies are those of this environment, at the end of the path: ours is the wheel's.
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (packages / "beside.pth").write_text(str(Path(pytest.__file__).parents[1]))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "toy.py").write_text(TOY)
    phrase = "import securemnist, securemnist.suites as s; print(securemnist.__file__, *s.__all__)"
    where = run(python, "-c", phrase, cwd=folder)
    assert where.stdout.startswith(str(packages)), where.stdout + where.stderr
    assert "test_robust_accuracy" in where.stdout
    command = (str(bin_folder / "securemnist"), "assess", "--model", "toy:make_net")
    done = run(*command, "--row", "CLEAN-01", "--row", "ADV-01", cwd=folder)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "CLEAN-01" in done.stdout
    document = json.loads((folder / "reports" / "assessment.json").read_text())
    assert document["subject"]["name"] == "toy:make_net"
    assert (folder / "reports" / "index.html").stat().st_size > 10_000
    left = {path.name for path in folder.iterdir()} - {"__pycache__"}
    assert left == {"reports", "toy.py"}
