"""The wheel, as somebody installs it: an empty environment, an empty folder, a network of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from securemnist import resources

TOY = """
import torch

def make_net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
"""


def run(*command: str, cwd: Path, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    """A command with its output captured."""
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout)


@pytest.mark.timeout(1_800)
def test_the_wheel_works_alone(tmp_path: Path) -> None:
    """Built, installed into an empty environment, it assesses a toy network and writes a report."""
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
        "fixtures/weights/baseline.safetensors",
        "fixtures/reference-curves.json",
        "fixtures/published-claims.toml",
    ):
        assert f"securemnist/_bundled/{needed}" in names
    venv.create(tmp_path / "venv", with_pip=True)
    bin_folder = tmp_path / "venv" / "bin"
    constraints = str(resources.ROOT / "constraints.txt")
    installed = run(
        *(str(bin_folder / "pip"), "install", "-q", "-c", constraints, str(wheel)), cwd=tmp_path
    )
    assert installed.returncode == 0, installed.stderr
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "toy.py").write_text(TOY)
    command = (str(bin_folder / "securemnist"), "assess", "--model", "toy:make_net")
    done = run(*command, "--tier", "smoke", cwd=folder)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "CLEAN-01" in done.stdout
    seen = json.loads((folder / "reports" / "assessment.json").read_text())
    assert seen["subject"]["name"] == "toy:make_net"
    assert (folder / "reports" / "index.html").stat().st_size > 10_000
    left = {path.name for path in folder.iterdir()} - {"__pycache__"}
    assert left == {"reports", "toy.py"}
