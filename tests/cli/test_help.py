"""What `securemnist --help` shows."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from securemnist.cli import main


def _groups(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """The words before --help of every group of commands below this one."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield (*path, name)
            yield from _groups(command, *path, name)


@pytest.mark.parametrize("words", list(_groups(main)), ids=" ".join)
def test_help_of_a_group_cuts_no_line_off(words: tuple[str, ...]) -> None:
    """Below "Commands" the first sentence of each command is whole on a terminal of 80 columns."""
    shown = CliRunner().invoke(main, [*words, "--help"], terminal_width=80).output
    commands = shown.partition("Commands:\n")[2].splitlines()
    assert commands
    assert not [line for line in commands if line.endswith("...")]


def test_help_shows_each_command_once_in_one_line() -> None:
    """Every command has one line below a heading, and no line is cut off."""
    lines = CliRunner().invoke(main, ["--help"], terminal_width=80).output.splitlines()
    shown = [line for line in lines[lines.index("Assess a model:") :] if line.startswith("  ")]
    assert [line.split()[0] for line in shown] == main.list_commands(click.Context(main))
    assert not [line for line in shown if line.endswith("...") or len(line.split()) < 3]
