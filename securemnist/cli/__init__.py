"""The command line: assess, compare, measure, report, ... Doors print; the library returns.

Exit codes: 0 all passed, 1 a requirement failed, 2 usage or policy error, 3 something in scope was not
decided (INCONCLUSIVE, ERROR or NOT_RUN).
"""

from __future__ import annotations

import importlib
import itertools
import traceback
from pathlib import Path
from typing import Any

import click

from securemnist import __version__
from securemnist.cli.output import end_of_pipe, say
from securemnist.errors import UNDECIDED, USAGE, SecureMnistError, first_line
from securemnist.text import terminal

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

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """An empty word is a variable of somebody's script that is not set: no default stands for it."""
        for before, word in itertools.pairwise(["", *args]):
            if not word or (word.startswith("--") and word.endswith("=")):
                name = (word or before or "the command").rstrip("=")
                raise click.UsageError(
                    f"expected a value after {name}, got an empty one; name it, or leave {name} out",
                    ctx,
                )
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SecureMnistError as error:
            say(f"securemnist: {error}", err=True)
            ctx.exit(error.exit_code)
        except click.ClickException as error:
            vars(error).update(message=terminal(error.message))  # it quotes the arguments
            raise
        except (click.exceptions.Exit, click.Abort):
            raise  # click's own words and codes
        except KeyboardInterrupt:
            say("securemnist: interrupted, nothing was decided; run it again", err=True)
            ctx.exit(UNDECIDED)
        except BrokenPipeError:
            end_of_pipe()
            ctx.exit(UNDECIDED)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            say(
                f"securemnist: {where}expected a file or folder that can be used, got "
                f"{error.strerror or error}; mend it or name another",
                err=True,
            )
            ctx.exit(USAGE)
        except Exception as error:
            say(f"securemnist: {_unforeseen(error)}", err=True)
            ctx.exit(UNDECIDED)
        except SystemExit as end:
            # Ours end by ctx.exit. A model that ends the program must not end it with a code that passes.
            say(
                f"securemnist: expected the model's code to return, it ended the program ({end.code}); "
                "nothing was decided, mend the model",
                err=True,
            )
            ctx.exit(UNDECIDED)


def _unforeseen(error: Exception) -> str:
    """What to say of an error that nobody raised on purpose; 1, Python's code for it, is a verdict."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"expected to end in a verdict or a sentence, got {type(error).__name__} "
        f"({first_line(error)}) in {Path(place.filename).name}:{place.lineno}; an error of ours, "
        "report it"
    )


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Security test suites for image classifiers: measure, judge, report.

    
    Exit codes: 0 all passed; 1 a requirement failed; 2 usage or policy error;
    3 something in scope was not decided.
    """
