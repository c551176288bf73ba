"""docs/reference/commands.md: every command with its options, from the command line itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from benchmarks.documentation.markdown import MADE_BY, table
from securemnist.cli import main

_HEAD = f"""# Commands

{MADE_BY}

`securemnist COMMAND --help` prints the same. `securemnist --version` prints the version. An error is
one sentence: what was expected, what was found, what to do.

| exit code | when |
| --- | --- |
| 0 | all requirements in scope passed or have a valid waiver, and at least one passed |
| 1 | a requirement failed |
| 2 | usage or policy error |
| 3 | not decided: INCONCLUSIVE, ERROR or NOT_RUN in scope, nothing passed, or an interrupted run |

The details are in [verdicts](../concepts/verdict.md).
"""


def render() -> str:
    """The page as Markdown."""
    context = click.Context(main, info_name="securemnist")
    parts = [_HEAD]
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        parts += _command(command, context, name, "##")
    return "\n".join(parts)


def _command(
    command: click.Command, parent: click.Context, name: str, heading: str
) -> Iterator[str]:
    context = click.Context(command, parent, info_name=name)
    path = context.command_path
    yield f"{heading} `{path.removeprefix('securemnist ')}`\n"
    yield f"```text\n{path} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    yield f"{_text(command.help)}\n"
    records = [parameter.get_help_record(context) for parameter in command.params]
    rows = [(f"`{names}`", help_text) for names, help_text in filter(None, records)]
    if rows:
        yield table(("option", "meaning"), rows)
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            below = command.get_command(context, sub)
            yield from _command(below, context, sub, f"{heading}#")


def _text(help_text: str | None) -> str:
    """The text of --help; a paragraph whose lines stay as they are is a block of code."""
    paragraphs = inspect.cleandoc(help_text or "").split("\n\n")
    lines = []
    for paragraph in paragraphs:
        plain = paragraph.removeprefix("\b\n")
        lines.append(plain if plain == paragraph else f"```text\n{plain}\n```")
    return "\n\n".join(lines)
