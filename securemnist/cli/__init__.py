"""The command line: assess, compare, measure, report, ... Only this package prints.

Exit codes: 0 all passed, 1 a requirement failed, 2 usage or policy error, 3 something in scope was not
decided (INCONCLUSIVE, ERROR or NOT_RUN).
"""

from __future__ import annotations

import atexit
import gc
import importlib
import itertools
from typing import Any

import click

from securemnist import __version__
from securemnist.cli.endings import ending
from securemnist.cli.output import end_of_pipe, say
from securemnist.errors import UNDECIDED
from securemnist.runtime.openmp import short_spin
from securemnist.sanitize import terminal

# The commands in the order of --help, below the headings there.
_GROUPS = {
    "Assess a model": ("init", "assess", "compare", "measure", "explain", "accept", "demo"),
    "Hand the results on": ("report", "card", "history", "threats"),
    "Data and weights": (
        "data",
        "train",
        "sweep",
        "filter",
        "calibrate",
        "repair",
        "scan",
        "import",
    ),
    "Sign and verify": ("keygen", "sign", "attest", "verify"),
    "A served model": ("serve", "audit", "monitor"),
}
# Commands whose name is a word of Python, with their module and function.
_NAMED = {"import": "import_weights", "filter": "filter_data"}
# The end of a process searches for garbage several times: half a second once torch is loaded.
atexit.register(gc.freeze)


class _Lazy(click.Group):
    """Imports a command's module when the command is used, so that --help is fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(itertools.chain.from_iterable(_GROUPS.values()))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands below the headings of their groups."""
        longest = max(map(len, self.list_commands(ctx)))
        for heading, names in _GROUPS.items():
            commands = [(name.ljust(longest), self.get_command(ctx, name)) for name in names]
            with formatter.section(heading):
                formatter.write_dl([(n, c.get_short_help_str(200)) for n, c in commands if c])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        name = _NAMED.get(cmd_name, cmd_name)
        module = importlib.import_module(f"securemnist.cli.{name}")
        command: click.Command = getattr(module, name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse empty values: usually an unset shell variable, which must not select a default."""
        for before, word in itertools.pairwise(["", *args]):
            if not word or (word.startswith("--") and word.endswith("=")):
                name = (word or before or "the command").rstrip("=")
                raise click.UsageError(
                    f"expected a value after {name}, got an empty one; give one, or leave out {name}",
                    ctx,
                )
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        short_spin()  # a command that loads torch does so after this line
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            vars(error).update(message=terminal(error.message))  # the message quotes arguments
            raise
        except (click.exceptions.Exit, click.Abort):
            raise  # click prints and exits itself
        except BrokenPipeError:
            end_of_pipe()
            ctx.exit(UNDECIDED)
        except BaseException as error:
            # Python exits with 1 for an error; here 1 means that a requirement failed.
            text, code = ending(error)
            say(f"securemnist: {text}", err=True)
            ctx.exit(code)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Security test suites for image classifiers: measure, judge, report.

    
    Exit codes: 0 all passed; 1 a requirement failed; 2 usage or policy error;
    3 something in scope was not decided.
    """
