"""Hostile text, closed pipes and full disks in the output of commands."""

from __future__ import annotations

import json
import shlex
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from securemnist.results.assessment import SCHEMA, Assessment
from tests import warm
from tests.commands import run, shell
from tests.data import small
from tests.hostile_text import STRINGS, effective


def _weights(folder: Path, name: str) -> None:
    header = json.dumps({name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (folder / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))


def _policy(folder: Path, **fields: Any) -> None:
    lines = {"id": "C-1", "measure": "clean_accuracy", "at_least": 0.9, "because": "x", **fields}
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in lines.items())
    (folder / "p.toml").write_text(f"[[requirement]]\n{text}\n")


PRINTED = {
    name: STRINGS[name]
    for name in ("clear screen", "github command", "C1 OSC", "azure error", "colour")
}


PRINTED["all"] = "\n".join(PRINTED.values())


@pytest.mark.parametrize("name", PRINTED)
def test_command_line_output_is_sanitised(cwd: Path, name: str) -> None:
    """Tensor names, keys of an assessment, reasons and arguments are sanitised when printed."""
    value = PRINTED[name]
    _weights(cwd, value)
    _policy(cwd, because=value, ids=[value])
    finding = {
        "measurement": None,
        "verdict": "PASS",
        "requirement": {"waiver": None, "ids": [], value: 1},
    }
    facts = {name: {} for name in ("subject", "environment", "policy", "scope")}
    (cwd / "a.json").write_text(
        json.dumps({"schema": SCHEMA, **facts, "day": "", "findings": [finding]})
    )
    commands = [
        ("report", "a.json", "--out", "o"),
        ("explain", "C-1", "--policy", "p.toml"),
        ("explain", value, "--policy", "p.toml"),
        ("assess", "--tier", value),
    ]
    if name == "all":  # the two that start a process
        commands += [
            ("assess", "--model", "A@w.safetensors", "--row", "CLEAN-01", "--out", "o"),
            ("assess", "--model", value, "--policy", "p.toml"),
        ]
    for words in commands:
        assert effective(run(*words).output) == [], words


def test_list_prints_rich_markup_literally(cwd: Path) -> None:
    """`--list` prints a setting that looks like markup as it is."""
    _policy(cwd, measure="static_findings", at_most=0, exclude=[STRINGS["rich markup"]])
    text = (cwd / "p.toml").read_text().replace("at_least = 0.9\n", "")
    (cwd / "p.toml").write_text(text)
    result = run("assess", "--list", "--policy", "p.toml")
    assert result.exit_code == 0, result.output
    assert "[/b]" in result.output


@pytest.mark.parametrize("words", [("assess", "--list"), ("explain", "PGD")])
def test_closed_pipe_is_silent(tmp_path: Path, words: tuple[str, ...]) -> None:
    """`| true` ends without a traceback or a sentence about the model."""
    command = f"{shlex.join(warm.python('-m', 'securemnist', *words))} | true"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""


def test_closed_pipe_keeps_exit_code(tmp_path: Path, small_mnist: Path) -> None:
    """An assessment whose output is not read keeps its exit code, and its report is complete."""
    (tmp_path / "pyproject.toml").write_text(small.settings(small_mnist))
    _policy(tmp_path, images=200, at_least=0.9999)
    words = ("assess", "--model", "baseline", "--policy", "p.toml", "--row", "C-1")
    plain = shell(tmp_path, *words)
    command = shlex.join(warm.python("-m", "securemnist", *words, "--out", "o"))
    command += " | true; exit ${PIPESTATUS[0]}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == plain.returncode in (1, 3), plain.stderr
    assert "sys.exit" not in done.stderr
    assert Assessment.load(tmp_path / "o" / "assessment.json").exit_code == plain.returncode


def test_unwritable_report_is_named_after_verdict(
    tmp_path: Path, small_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk the verdict is printed, then path and reason, and exit code 0 becomes 2."""
    (tmp_path / "pyproject.toml").write_text(small.settings(small_mnist))
    monkeypatch.chdir(tmp_path)
    _policy(tmp_path, images=50, at_least=0.5)

    def full(_: Path, __: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("securemnist.report.publish", full, raising=True)
    monkeypatch.setattr("securemnist.plugin.reporting.write", _kept_elsewhere)
    result = run("assess", "--model", "baseline", "--policy", "p.toml", "--out", "o")
    assert "✓" in result.output
    assert (
        "o: expected a folder for the report that can be written, got No space left"
        in result.output
    )
    assert result.exit_code == 2


def _kept_elsewhere(session: Any, run: Any) -> None:
    """The child process's private report, which lies on another disk."""
    folder = Path(session.config.getoption("--security-report"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "assessment.json").write_bytes(run.assessment(session.config.rootpath).dumps())
