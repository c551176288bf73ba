"""Progress in the terminal: a bar on anything that takes longer than two seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from securemnist.sanitize import terminal
from securemnist.view.eta import Outlook, rounded

if TYPE_CHECKING:  # it brings torch, which a report does not need
    from securemnist.types import Progress as Tell

_WIDE = 1_000  # columns of piped output: grep and CI logs want whole rows
_PATIENCE = 2.0
_EVERY = 10.0


class _Output(Console):
    """A console that ends a broken pipe as Python does, and not by SystemExit(1)."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        if not self.stderr:  # progress without a reader is no reason to stop measuring
            raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """A console of rich; what is piped is not cut at 80 columns."""
    made = _Output(stderr=stderr)
    if not made.is_terminal:
        made.width = _WIDE
    return made


@contextmanager
def progress_bar(outlook: Outlook | None = None) -> Iterator[Tell]:
    """Yields a function to tell of progress; prints to stderr, and lines instead of bars when piped.

    With an `outlook` the time that all its rows still take stands beside that of the work at hand.
    """
    shown = console(stderr=True)
    if not shown.is_terminal:
        yield _Lines(shown, outlook)
        return
    columns = TextColumn("{task.description}", markup=False), BarColumn(), _TimeLeft(outlook)
    with Progress(*columns, console=shown, transient=True) as bar:
        yield _Bars(bar, outlook)


def shown(progress: Tell | bool) -> AbstractContextManager[Tell]:
    """A display of progress: True for a bar after two seconds, False for none, or a function.

    Where the output is no terminal (a notebook, a pipe) the bar is a line every ten seconds. A function
    is called with what is done, how much of it is done, and how much there is.
    """
    if callable(progress):
        return nullcontext(progress)
    return progress_bar() if progress else nullcontext(_silent)


def _silent(_what: str, _done: int, _total: int) -> None:
    """No display."""


class _TimeLeft(ProgressColumn):
    """For the rows what the outlook says, for the work at hand what its own pace says."""

    max_refresh = 0.5  # a number that changes more often cannot be read

    def __init__(self, outlook: Outlook | None) -> None:
        super().__init__()
        self.outlook = outlook

    def render(self, task: Task) -> Text:
        if task.fields.get("rows") and self.outlook is not None:
            return Text(f"{rounded(self.outlook.left())} left in all")
        return Text("" if task.time_remaining is None else f"{task.time_remaining:.0f} s")


class _Piece:
    """The work at hand: what it is, and how long the rest of it takes at the pace so far."""

    def __init__(self) -> None:
        self.what, self.began, self.first, self.new = "", 0.0, 0, True

    def left(self, what: str, done: int, total: int) -> float | None:
        """Seconds, None where there is no pace yet; a name or a step back begins a new piece."""
        now = time.monotonic()
        self.new = what != self.what or done < self.first or done <= 1
        if self.new:
            self.what, self.began, self.first = what, now, done
        if done <= self.first or now - self.began < _PATIENCE:
            return None  # a first pace is mostly noise
        return (now - self.began) / (done - self.first) * (total - done)


class _Bars:
    """On a terminal: a bar for all rows, and one for a piece of work that takes its time."""

    def __init__(self, bar: Progress, outlook: Outlook | None) -> None:
        self.bar, self.outlook, self.piece = bar, outlook, _Piece()
        self.rows: TaskID | None = None
        if outlook is not None:
            self.rows = bar.add_task("", total=1.0, visible=False, rows=True)
        self.work = bar.add_task("", total=None, visible=False)
        self.first = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        left = self.piece.left(what, done, total)
        now = time.monotonic()
        if self.piece.new:
            self.bar.reset(self.work, visible=False)  # the pace of other work says nothing of this
        shown = done < total and now - self.piece.began > _PATIENCE
        self.bar.update(
            self.work, description=terminal(what), completed=done, total=total, visible=shown
        )
        if self.rows is not None and self.outlook is not None and self.outlook.row:
            self.outlook.piece = left or 0.0
            patient = now - self.first > _PATIENCE
            title, share = self.outlook.title, self.outlook.share
            self.bar.update(self.rows, description=title, completed=share, visible=patient)


class _Lines:
    """For a pipe: a plain line every ten seconds, with the time that the rest takes at this pace."""

    def __init__(self, console: Console, outlook: Outlook | None) -> None:
        self.console, self.outlook, self.piece = console, outlook, _Piece()
        self.last = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        left = self.piece.left(what, done, total)
        now = time.monotonic()
        if now - self.last > _EVERY and done < total:
            self.last = now
            told = terminal(f"{what}: {done:,} of {total:,}{self._left(left)}")
            self.console.print(told, highlight=False, markup=False, soft_wrap=True)

    def _left(self, piece: float | None) -> str:
        told = "" if piece is None else f", about {piece:.0f} s left"
        if self.outlook is None or not self.outlook.row:
            return told
        self.outlook.piece = piece or 0.0
        return f"{told}; {self.outlook.title}, {rounded(self.outlook.left())} left in all"
