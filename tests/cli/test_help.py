"""What `securemnist --help` shows."""

from __future__ import annotations

import click
from click.testing import CliRunner

from securemnist.cli import main


def test_help_shows_each_command_once_in_one_line() -> None:
    """Every command has one line below a heading, and no line is cut off."""
    lines = CliRunner().invoke(main, ["--help"], terminal_width=80).output.splitlines()
    shown = [line for line in lines[lines.index("Assess a model:") :] if line.startswith("  ")]
    assert [line.split()[0] for line in shown] == main.list_commands(click.Context(main))
    assert not [line for line in shown if line.endswith("...") or len(line.split()) < 3]
