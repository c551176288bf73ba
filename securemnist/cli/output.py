"""Output of commands: lines whose control characters are escaped, and files."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.utils import PacifyFlushWrapper

from securemnist._util.files import writing
from securemnist.sanitize import terminal

if TYPE_CHECKING:
    from securemnist.evaluation.context import Context
    from securemnist.results.assessment import Assessment
    from securemnist.results.findings import Requirement


def say(text: object = "", *, err: bool = False) -> None:
    """Print a line to stdout, or to stderr; BrokenPipeError if stdout was closed (`| head`)."""
    try:
        click.echo(terminal(text), err=err)
    except BrokenPipeError:
        if not err:
            raise


def print_annotations(assessment: Assessment) -> None:
    """In a job of GitHub Actions: the commands that show each problem at its line of the policy.

    They are cleaned where they are written; `say` would take away what makes them commands.
    """
    from securemnist.exports import github_annotations

    if github_annotations.in_github_job():
        for command in github_annotations.lines(assessment):
            click.echo(command)


def print_endpoint(context: Context, rows: Iterable[Requirement] = ()) -> None:
    """Print on stderr what the probe found, and how many queries these rows need at most.

    Nothing for a model whose weights are here.
    """
    from securemnist.measures.announcement import announcement, queries_of

    for line in announcement(context, queries_of(context, rows)):
        say(line, err=True)


def write_file(
    folder: Path, name: Path | str, content: bytes, advice: str = "name another"
) -> None:
    """Write a file of the user's choice; UsageError with this advice where that fails."""
    from securemnist._util.resources import write_atomically

    with writing(name, advice):
        write_atomically(folder / name, content)


def check_writable(path: Path, advice: str = "name another with --out") -> None:
    """UsageError where a file or folder cannot be written, before minutes of measuring.

    The nearest folder that exists is tried; nothing stays in it.
    """
    whole = path.absolute()
    with writing(path, advice):
        folder = next(each for each in (whole, *whole.parents) if each.is_dir())
        with tempfile.TemporaryFile(dir=folder):
            pass


def end_of_pipe() -> None:
    """Silence the broken-pipe message at exit after stdout was closed (`| head`)."""
    sys.stdout = PacifyFlushWrapper(sys.stdout)
