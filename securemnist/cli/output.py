"""Output of commands: `say` escapes control characters in text from files and models."""

from __future__ import annotations

import sys

import click
from click.utils import PacifyFlushWrapper

from securemnist.sanitize import terminal


def say(text: object = "", *, err: bool = False) -> None:
    """Print a line to stdout, or to stderr; BrokenPipeError if stdout was closed (`| head`)."""
    try:
        click.echo(terminal(text), err=err)
    except BrokenPipeError:
        if not err:
            raise


def end_of_pipe() -> None:
    """Silence the broken-pipe message at exit after stdout was closed (`| head`)."""
    sys.stdout = PacifyFlushWrapper(sys.stdout)
