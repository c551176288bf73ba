"""The commands `scan` and `import` on hostile, clean and other files: what they print, and exit codes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from tests.commands import run
from tests.foreign.checkpoints import checkpoint, saved
from tests.foreign.hostile_archives import BAD, GOOD
from tests.models.formats.onnx_graphs import linear
from tests.models.formats.onnx_graphs import saved as onnx_saved
from tests.small_network import saved_weights


@pytest.fixture
def folder(cwd: Path) -> Path:
    """A folder with a clean, a malicious and an unknown file, in which commands start."""
    (cwd / "good.pt").write_bytes(GOOD)
    (cwd / "bad.pt").write_bytes(BAD)
    (cwd / "other.pt").write_bytes(b"\x1f\x8b")
    return cwd


@pytest.mark.parametrize(
    ("files", "code"),
    [
        (["good.pt"], 0),
        (["good.pt", "bad.pt", "other.pt"], 1),
        (["other.pt", "good.pt"], 3),
        (["good.pt", "none.pt"], 2),
        (["."], 2),
    ],
)
def test_exit_code_of_a_scan(folder: Path, files: list[str], code: int) -> None:
    """0 all clean, 1 one malicious, 3 one not scanned, 2 a path without a file."""
    assert run("scan", *files).exit_code == code


def test_scan_prints_reasons(folder: Path) -> None:
    """Each file has a line with its outcome and format, and below it the reasons."""
    done = run("scan", "good.pt", "bad.pt")
    good, bad, reason, *_ = done.output.splitlines()
    assert good.startswith("good.pt: clean (torch checkpoint; picklescan")
    assert bad == "bad.pt: malicious (torch checkpoint)"
    assert "archive/data.pkl, byte " in reason
    assert "would import os.system" in reason


def test_scan_as_json(folder: Path) -> None:
    """With --json the output is one list with outcome, format, digest and reasons."""
    done = run("scan", "--json", "bad.pt", "good.pt")
    bad, good = json.loads(done.stdout)
    assert (bad["outcome"], good["outcome"]) == ("malicious", "clean")
    assert bad["reasons"][0]["name"] == "os.system"
    assert len(good["sha256"]) == 64


def test_hostile_names_do_not_reach_the_terminal(folder: Path) -> None:
    """Escape sequences and workflow commands in member names are shown, not sent."""
    content = checkpoint(**{"\x1b[2J\n::error::x": b""})
    (folder / "odd.pt").write_bytes(content)
    done = run("scan", "odd.pt")
    assert "\x1b" not in done.output
    assert "\n::error" not in done.output
    assert done.exit_code == 3


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("bad.pt", 1, "nothing was imported; ask its author for safetensors"),
        ("other.pt", 3, "is compressed by gzip"),
        ("none.pt", 2, "none.pt: expected a model file, got No such file"),
    ],
)
def test_refused_import(folder: Path, name: str, code: int, words: str) -> None:
    """A file that is not clean is not imported, by the exit code of its outcome; nothing is written."""
    before = sorted(folder.iterdir())
    done = run("import", name)
    assert done.exit_code == code
    assert words in done.output
    assert sorted(folder.iterdir()) == before


def test_scan_only(folder: Path) -> None:
    """With --scan-only the command is a scan of one file, also beside an earlier import."""
    (folder / "good.safetensors").touch()
    assert run("import", "--scan-only", "good.pt").exit_code == 0
    assert run("import", "--scan-only", "bad.pt").exit_code == 1


def test_formats_without_an_import(folder: Path) -> None:
    """Clean files that are read as they are, or hold no state dict, are an error of use (exit code 2)."""
    saved_weights(folder)
    onnx_saved(linear(), folder / "net.onnx")
    (folder / "data.pkl").write_bytes(pickle.dumps({"a": 1}))
    np.save(folder / "one.npy", np.zeros(3))
    for name, words in (
        ("net.safetensors", "got safetensors, which is read as it is, by --model"),
        ("net.onnx", "got ONNX, which is read as it is, by --model"),
        ("data.pkl", "got pickle, which is clean, not imported"),
        ("one.npy", "got NumPy array, which is clean, not imported"),
    ):
        done = run("import", name, "-o", "out.safetensors")
        assert done.exit_code == 2
        assert words in done.output
    done = run("import", "good.pt", "-o", "out.pt")
    assert (done.exit_code, "expected a name that ends with .safetensors" in done.output) == (
        2,
        True,
    )
    assert saved({}) != GOOD
