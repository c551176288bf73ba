"""Modules that a command imports: those of the project, and none in place of ours."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from securemnist._util.resources import ROOT
from securemnist.cli import child
from securemnist.project import imports
from tests.policies import CLEAN, table

POLICY = table(CLEAN, id='"CLEAN-02"')


@pytest.fixture
def folder(cwd: Path) -> Path:
    """A user's folder with a policy, in which commands start."""
    (cwd / "small.toml").write_text(POLICY)
    return cwd


def test_local_modules_do_not_replace_ours(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A click.py beside the model, or on PYTHONPATH, is not imported instead of the library."""
    other = tmp_path_factory.mktemp("other")
    for place in (folder, other):
        for name in ("click", "art", "rich", "pydantic", "json", "securemnist"):
            text = f"open({str(folder / 'ran')!r}, 'w').close()\nraise SystemExit(0)\n"
            (place / f"{name}.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(other))
    command = child.command("assess", "--list", "--policy", "small.toml")
    done = subprocess.run(command, env=child.environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "CLEAN-02" in done.stdout
    assert not (folder / "ran").exists()


def test_python_m_does_not_import_from_the_folder(folder: Path) -> None:
    """`python -m securemnist` in a folder with a click.py runs the library."""
    (folder / "click.py").write_text("open('ran', 'w').close()\n")
    command = [sys.executable, "-m", "securemnist", "--version"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert "securemnist" in done.stdout
    assert not (folder / "ran").exists()


def test_project_does_not_replace_packages_of_extras(folder: Path, tmp_path: Path) -> None:
    """A module or folder named like a package that reads models is not imported in its place."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    lines = [f"{line}; extra == '{extra}'" for extra, lines in extras.items() for line in lines]
    metadata = tmp_path / "site" / "securemnist-1.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("".join(f"Requires-Dist: {line}\n" for line in lines))
    for name in ("onnx", "onnxruntime", "onnx2pytorch", "h5py", "optree", "pyarrow"):
        (folder / f"{name}.py").write_text("")
    (folder / "keras").mkdir()
    (folder / "keras" / "__init__.py").write_text("")
    (folder / "hypothesis.py").write_text("")  # of our tests: the project's own comes first
    program = f"""
import sys
from importlib.util import find_spec
from pathlib import Path
from securemnist.project import imports
from tests.policies import CLEAN, table
sys.path.insert(0, {str(metadata.parent.parent)!r})
imports.enable(Path.cwd())
names = "onnx onnxruntime onnx2pytorch h5py optree pyarrow keras hypothesis".split()
print([name for name in names if Path.cwd() in Path(find_spec(name).origin).parents])
"""
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.stdout.strip() == "['hypothesis']", done.stderr


def test_extras_with_imported_packages_are_named() -> None:
    """Every extra is named in `imports`, except for those of this repository's own tools."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert set(imports.EXTRAS) == set(extras) - {"test", "lint", "bench", "docs", "notebook"}


@pytest.mark.parametrize(
    ("place", "settings"),
    [
        ("nets.py", {}),
        ("src/nets.py", {}),
        ("lib/nets.py", {"pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['lib']\n"}),
        ("lib/nets.py", {"pyproject.toml": "[tool.pytest]\npythonpath = ['lib']\n"}),
        ("lib/nets.py", {"pytest.ini": "[pytest]\npythonpath = other lib\n"}),
        ("lib/nets.py", {"setup.cfg": "[tool:pytest]\npythonpath = lib\n"}),
    ],
)
def test_modules_of_a_project_are_found(folder: Path, place: str, settings: dict[str, str]) -> None:
    """A module in the folder, in `src`, or in a folder of pytest's `pythonpath` can be imported."""
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_text("PLACE = 'here'\n")
    for name, text in settings.items():
        (folder / name).write_text(text)
    program = "from pathlib import Path; from securemnist.project import imports as p; "
    program += "p.enable(Path.cwd()); import nets; print(nets.PLACE)"
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.stdout.strip() == "here", done.stderr


def test_project_takes_precedence_over_an_installed_copy(folder: Path, tmp_path: Path) -> None:
    """An installed copy of the user's package is not measured instead of the code in the folder."""
    installed = tmp_path / "site"
    installed.mkdir()
    (installed / "nets.py").write_text("PLACE = 'installed'\n")
    (folder / "nets.py").write_text("PLACE = 'project'\n")
    program = (
        f"import sys; sys.path.insert(0, {str(installed)!r}); from pathlib import Path; "
        "from securemnist.project import imports; imports.enable(Path.cwd()); "
        "import nets; print(nets.PLACE)"
    )
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "project"


def test_import_folders_of_a_project(tmp_path: Path) -> None:
    """`src` is one unless it is a package itself; unreadable settings add none."""
    (tmp_path / "src").mkdir()
    (tmp_path / "pyproject.toml").write_text("pythonpath = [")
    (tmp_path / "tox.ini").write_text("no section")
    assert imports.folders_of(tmp_path) == [tmp_path, tmp_path / "src"]
    (tmp_path / "src" / "__init__.py").touch()
    assert imports.folders_of(tmp_path) == [tmp_path]


def test_a_conftest_may_import_torchvision(tmp_path: Path) -> None:
    """With a CPU build of torch, too, as a factory may; an error names its line."""
    (tmp_path / "conftest.py").write_text("import torchvision.models\nmodel = 1 / NUMBER\n")
    code = "from pathlib import Path; from securemnist.cli import worker; worker._conftest_of(Path.cwd())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (
        "got NameError (name 'NUMBER' is not defined) in conftest.py, line 2; fix it" in done.stderr
    )
