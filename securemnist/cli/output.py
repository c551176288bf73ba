"""Output: what every command prints goes through `say`, so that no text from outside acts."""

from __future__ import annotations

import sys

import click
from click.utils import PacifyFlushWrapper

from securemnist.sanitize import terminal


def say(text: object = "", *, err: bool = False) -> None:
    """Print a line to stdout, or to stderr; BrokenPipeError where stdout has no reader any more."""
    try:
        click.echo(terminal(text), err=err)
    except BrokenPipeError:
        if not err:
            raise


def end_of_pipe() -> None:
    """Stdout has no reader any more (`| head`): nothing is said of it at Python's end either."""
    sys.stdout = PacifyFlushWrapper(sys.stdout)
