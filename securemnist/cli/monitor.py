"""`securemnist monitor`: drift of a served model in the terminal."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say
from securemnist.errors import FAILED, UNDECIDED, UsageError
from securemnist.sanitize import line

if TYPE_CHECKING:
    from securemnist.monitoring.state import State

_ALARMS = 10  # that are printed: the first, and these latest
_MOST_FILES = 50


@click.command()
@click.argument("path", type=PATH, default=Path("serve-monitor"))
@click.option(
    "--watch",
    type=click.FloatRange(0.2, 3600),
    metavar="SECONDS",
    help="Print again after so many seconds, until Ctrl-C.",
)
@click.pass_context
def monitor(ctx: click.Context, path: Path, watch: float | None) -> None:
    """Show the last windows and the alarms of a served model.

    PATH is a state of `securemnist serve`, or a folder of them.

    Exit codes: 0 compared, no alarm; 1 an alarm; 2 no such file; 3 a model without a
    compared window.
    """
    found = _shown(path)
    while watch is not None:
        time.sleep(watch)
        click.clear()
        found = _shown(path)
    alarms = any(state.alarm_count for state in found)
    ctx.exit(FAILED if alarms else 0 if all(state.windows for state in found) else UNDECIDED)


def _shown(path: Path) -> list[State]:
    """The states, each printed."""
    from securemnist.monitoring import state

    files = sorted(path.glob("drift-*.json")) if path.is_dir() else [path]
    if not files:
        raise UsageError(
            f"{path}: expected states drift-NAME.json of a monitor, got none; name the folder that "
            "`securemnist serve` writes"
        )
    if len(files) > _MOST_FILES:
        raise UsageError(
            f"{path}: expected at most {_MOST_FILES} states, got {len(files)}; name one, or move those "
            "of models that are not served any more"
        )
    found = [state.read(file) for file in files]
    for file, one in zip(files, found, strict=True):
        _show(file, one)
    return found


def _written(file: Path) -> str:
    """When a state was written: a service that ended, or cannot write, leaves an old one."""
    written = datetime.datetime.fromtimestamp(file.stat().st_mtime, datetime.UTC)
    return written.isoformat(timespec="seconds")


def _show(file: Path, state: State) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    say(
        f"{file}: {state.images:,} images, {state.windows:,} windows compared, "
        f"{state.alarm_count:,} alarms; written {_written(file)}"
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
    for alarm in [*state.alarms[:1], *state.alarms[1:][-_ALARMS:]]:
        say(f"  {alarm}")
