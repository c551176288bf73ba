"""Text from outside has no effect in any place that shows it."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console

from securemnist import sanitize
from securemnist.errors import UsageError
from securemnist.report import markdown, page
from securemnist.report.terminal import print_assessment
from securemnist.results.findings import Requirement, Verdict
from tests.hostile_text import STRINGS, effective
from tests.report import example, hostile
from tests.report.markup import Markup

EACH = pytest.mark.parametrize("value", STRINGS.values(), ids=STRINGS.keys())


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


class Usual(NamedTuple):
    """The tags of a page, and the number of lines of a summary."""

    tags: set[str]
    lines: int


@pytest.fixture(scope="module")
def usual() -> Usual:
    """Those of an assessment with usual texts."""
    tags = Markup(page.render(example.assessment()).decode()).tags
    return Usual(tags, len(markdown.render(example.assessment()).splitlines()))


@EACH
def test_outputs_of_hostile_assessment(value: str, usual: Usual) -> None:
    """With hostile text in every field, page, summary and terminal stay intact."""
    assessment = hostile.assessment(value)
    shown = page.render(assessment).decode()
    assert Markup(shown).tags <= usual.tags
    assert not [sign for sign in effective(shown) if sign.startswith("'")]  # a page is no log
    summary = markdown.render(assessment).decode()
    assert effective(summary) == []
    assert len(summary.splitlines()) == usual.lines
    file = io.StringIO()
    print_assessment(assessment, Console(file=file, width=100))
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
