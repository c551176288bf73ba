"""Text from outside has no effect in any place that shows it."""

from __future__ import annotations

import io
import json
import re
import shlex
import struct
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from securemnist import sanitize
from securemnist.errors import UsageError
from securemnist.report import markdown, page
from securemnist.report.terminal import print_assessment
from securemnist.results.assessment import SCHEMA, Assessment
from securemnist.results.findings import Requirement, Verdict
from tests.commands import run, shell
from tests.data import small
from tests.hostile_text import STRINGS
from tests.report import example, hostile
from tests.report.markup import Markup

EACH = pytest.mark.parametrize("value", STRINGS.values(), ids=STRINGS.keys())
_COMMAND = re.compile(r"^\s*::\S|##(\[|vso\[|teamcity\[)", re.MULTILINE)


def effective(shown: str) -> list[str]:
    """Control and invisible characters and workflow commands in a text."""
    odd = [c for c in shown if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs")]
    return [ascii(c) for c in odd] + [found[0] for found in _COMMAND.finditer(shown)]


@EACH
def test_terminal_and_sentence_remove_effects(value: str) -> None:
    """No effective text remains, and a second call changes nothing."""
    shown = sanitize.terminal(value)
    assert effective(shown) == []
    assert sanitize.terminal(shown) == shown


@EACH
def test_errors_and_findings_are_sanitised(value: str) -> None:
    """The text of an error or a finding has no effect in pytest or a log."""
    row = Requirement(id="A-1", measure=value, because=value, at_least=0.5, settings={"x": value})
    error = str(UsageError(f"expected x, got {value}; name another"))
    assert effective(error) == []
    assert "\n" not in error
    assert effective(str(row.unmeasured(Verdict.ERROR, value))) == []


@EACH
def test_outputs_of_hostile_assessment(value: str) -> None:
    """With hostile text in every field, page, summary and terminal stay intact."""
    made = hostile.assessment(value)
    shown = page.render(made).decode()
    assert Markup(shown).tags <= Markup(page.render(example.assessment()).decode()).tags
    assert not [sign for sign in effective(shown) if sign.startswith("'")]  # a page is no log
    summary = markdown.render(made).decode()
    assert effective(summary) == []
    assert len(summary.splitlines()) == len(markdown.render(example.assessment()).splitlines())
    file = io.StringIO()
    print_assessment(made, Console(file=file, width=100))
    assert effective(file.getvalue()) == []


@EACH
def test_markdown_code_fence_is_long_enough(value: str) -> None:
    """The fence is longer than any run of backticks inside."""
    span = sanitize.markdown_code(value)
    if span:
        fence = re.match("`+", span)
        assert fence is not None
        inside = span[len(fence[0]) : -len(fence[0])]
        assert span.endswith(fence[0])
        assert fence[0] not in re.findall("`+", inside)
        assert "\n" not in span


@EACH
def test_command_accepts_own_program_only(value: str) -> None:
    """A stored command is shown only if its words are quoted and its program is this package's."""
    words = ["securemnist", "assess", "--model", value]
    shown = sanitize.command(shlex.join(words))
    assert shown == "" or shlex.split(shown) == words
    assert effective(shown) == []
    assert sanitize.command(f"{value} securemnist assess") == ""
    injected = sanitize.command(f"securemnist assess ; touch PWNED {shlex.quote(value)}")
    assert injected == "" or shlex.split(injected)[2:5] == [";", "touch", "PWNED"]
    assert injected == "" or injected.startswith("securemnist assess ';' touch PWNED")


def test_pasted_command_runs_one_program(tmp_path: Path) -> None:
    """A shell given the command's code span runs the program with the SPEC as one word."""
    (tmp_path / "securemnist").write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:])\n")
    (tmp_path / "securemnist").chmod(0o755)
    spec = "A@x`;touch PWNED;`$(touch PWNED).safetensors"
    span = sanitize.markdown_code(
        sanitize.command(shlex.join(["securemnist", "assess", "--model", spec]))
    )
    command = span.strip("`").strip()
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{['assess', '--model', spec]}\n"
    assert not (tmp_path / "PWNED").exists()


def _weights(folder: Path, name: str) -> None:
    header = json.dumps({name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (folder / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))


def _policy(folder: Path, **fields: Any) -> None:
    lines = {"id": "C-1", "measure": "clean_accuracy", "at_least": 0.9, "because": "x", **fields}
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in lines.items())
    (folder / "p.toml").write_text(f"[[requirement]]\n{text}\n")


@pytest.mark.parametrize(
    "name", ["clear screen", "github command", "C1 OSC", "azure error", "colour"]
)
def test_command_line_output_is_sanitised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Tensor names, keys of an assessment, reasons and arguments are sanitised when printed."""
    monkeypatch.chdir(tmp_path)
    value = STRINGS[name]
    _weights(tmp_path, value)
    _policy(tmp_path, because=value, ids=[value])
    finding = {
        "measurement": None,
        "verdict": "PASS",
        "requirement": {"waiver": None, "ids": [], value: 1},
    }
    facts = {name: {} for name in ("subject", "environment", "policy", "scope")}
    (tmp_path / "a.json").write_text(
        json.dumps({"schema": SCHEMA, **facts, "day": "", "findings": [finding]})
    )
    for words in (
        ("assess", "--model", "A@w.safetensors", "--row", "CLEAN-01", "--out", "o"),
        ("report", "a.json", "--out", "o"),
        ("explain", "C-1", "--policy", "p.toml"),
        ("explain", value, "--policy", "p.toml"),
        ("assess", "--tier", value),
        ("assess", "--model", value, "--policy", "p.toml"),
    ):
        assert effective(run(*words).output) == [], words


def test_list_prints_rich_markup_literally(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--list` prints a setting that looks like markup as it is."""
    monkeypatch.chdir(tmp_path)
    _policy(tmp_path, measure="static_findings", at_most=0, exclude=[STRINGS["rich markup"]])
    text = (tmp_path / "p.toml").read_text().replace("at_least = 0.9\n", "")
    (tmp_path / "p.toml").write_text(text)
    result = run("assess", "--list", "--policy", "p.toml")
    assert result.exit_code == 0, result.output
    assert "[/b]" in result.output


@pytest.mark.parametrize("words", [("assess", "--list"), ("explain", "PGD")])
def test_closed_pipe_is_silent(tmp_path: Path, words: tuple[str, ...]) -> None:
    """`| true` ends without a traceback or a sentence about the model."""
    command = f"{sys.executable} -m securemnist {shlex.join(words)} | true"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""


def test_closed_pipe_keeps_exit_code(tmp_path: Path, small_mnist: Path) -> None:
    """An assessment whose output is not read keeps its exit code, and its report is complete."""
    (tmp_path / "pyproject.toml").write_text(small.settings(small_mnist))
    _policy(tmp_path, images=200, at_least=0.9999)
    words = f"{sys.executable} -m securemnist assess --model baseline --policy p.toml --row C-1"
    plain = shell(tmp_path, "assess", "--model", "baseline", "--policy", "p.toml", "--row", "C-1")
    command = f"{words} --out o | true; exit ${{PIPESTATUS[0]}}"
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


def _kept_elsewhere(session: Any, made: Any) -> None:
    """The child process's private report, which lies on another disk."""
    folder = Path(session.config.getoption("--security-report"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "assessment.json").write_bytes(made.assessment(session.config.rootpath).dumps())
