"""The option --images and its former name."""

from __future__ import annotations

from typing import Any

import click
from click.testing import CliRunner

from securemnist.cli import main
from securemnist.cli.options import images_option
from securemnist.errors import UsageError


@click.command()
@images_option(type=click.IntRange(min=50), default=1000, help="Images.")
def command(**settings: Any) -> None:
    click.echo(settings["images"])


def test_former_option_means_the_same() -> None:
    """--digits is read as --images, checked alike, and hidden in the help."""
    run = CliRunner().invoke
    assert run(command, []).output == "1000\n"
    for name in ("--images", "--digits"):
        assert run(command, [name, "60"]).output == "60\n"
        assert run(command, [name, "4"]).exit_code == 2
    for words in ([command, ["--help"]], [main, ["measure", "--help"]], [main, ["init", "--help"]]):
        shown = run(*words).output
        assert "--images" in shown
        assert "--digits" not in shown


def test_both_options_are_refused() -> None:
    """--digits beside --images is one sentence, in either order."""
    for words in (["--digits", "60", "--images", "70"], ["--images", "70", "--digits", "60"]):
        result = CliRunner().invoke(command, words)
        assert isinstance(result.exception, UsageError)
        assert "expected --images once, got --digits" in str(result.exception)
