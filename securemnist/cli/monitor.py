"""`securemnist monitor`: drift of a served model in the terminal."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.output import say
from securemnist.errors import FAILED, UNDECIDED
from securemnist.sanitize import line

if TYPE_CHECKING:
    from securemnist.monitoring.state import State

_ALARMS = 10  # that are printed, the latest


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--watch",
    type=click.FloatRange(0.2, 3600),
    metavar="SECONDS",
    help="Print again after so many seconds, until Ctrl-C.",
)
@click.pass_context
def monitor(ctx: click.Context, file: Path, watch: float | None) -> None:
    """Show the last window and the alarms in FILE, the state that `securemnist serve` writes.

    
    Exit codes: 0 compared, no alarm; 1 an alarm; 2 no such file; 3 no window was compared yet.
    """
    from securemnist.monitoring import state

    found = state.read(file)
    _show(file, found)
    while watch is not None:
        time.sleep(watch)
        found = state.read(file)
        click.clear()
        _show(file, found)
    ctx.exit(FAILED if found.alarm_count else 0 if found.windows else UNDECIDED)


def _show(file: Path, state: State) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    say(
        f"{file}: {state.images:,} images, {state.windows:,} windows compared, "
        f"{state.alarm_count:,} alarms"
    )
    if state.windows:
        table = Table("statistic", "test", "reference", "last window", "p", "", box=None)
        for result in state.last:
            below = result.p < state.limit
            cells = (
                result.statistic,
                result.test,
                f"{result.reference:.4g}",
                f"{result.found:.4g}",
                f"{result.p:.1e}",
                "ALARM" if below else "",
            )
            table.add_row(*(Text(line(cell), style="bold red" if below else "") for cell in cells))
        Console(highlight=False).print(table)
        say(f"an alarm is a p value below {state.limit:.1e}")
    else:
        say("no window was compared yet")
    for alarm in state.alarms[-_ALARMS:]:
        say(f"  {alarm}")
