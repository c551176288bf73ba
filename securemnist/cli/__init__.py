"""The command line: assess, compare, measure, report, ... Doors print; the library returns.

Exit codes: 0 all passed, 1 a requirement failed, 2 usage or policy error, 3 something in scope was not
decided (INCONCLUSIVE, ERROR or NOT_RUN).
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from securemnist import __version__
from securemnist.errors import UNDECIDED, SecureMnistError

_COMMANDS = (
    "assess",
    "compare",
    "measure",
    "report",
    "explain",
    "accept",
    "train",
    "init",
    "history",
)


class _Lazy(click.Group):
    """Imports a command's module when it is used, so that --help answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"securemnist.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SecureMnistError as error:
            click.echo(f"securemnist: {error}", err=True)
            ctx.exit(error.exit_code)
        except SystemExit as end:
            # Ours end by ctx.exit. A model that ends the program must not end it with a code that passes.
            click.echo(
                f"securemnist: expected the model's code to return, it ended the program ({end.code}); "
                "nothing was decided, mend the model",
                err=True,
            )
            ctx.exit(UNDECIDED)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Security test suites for image classifiers: measure, judge, report.

    
    Exit codes: 0 all passed; 1 a requirement failed; 2 usage or policy error;
    3 something in scope was not decided.
    """
