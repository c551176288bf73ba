"""Progress in the terminal: bars for work of more than two seconds, lines where stderr is piped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from securemnist._util.duration import rounded
from securemnist.sanitize import terminal
from securemnist.view.eta import Schedule

if TYPE_CHECKING:  # the module imports torch, which a report does not need
    from securemnist.types import Progress as OnProgress

_PIPE_WIDTH = 1_000  # columns of piped output: grep and CI logs need whole rows
_BAR_DELAY = 2.0  # seconds
_LINE_INTERVAL = 10.0  # seconds


class _Output(Console):
    """A console that raises BrokenPipeError for a closed pipe; rich raises SystemExit(1)."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        if not self.stderr:  # lost progress output must not stop a measurement
            raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """A rich console; piped output is not cut at 80 columns."""
    output = _Output(stderr=stderr)
    if not output.is_terminal:
        output.width = _PIPE_WIDTH
    return output


@contextmanager
def progress_bar(schedule: Schedule | None = None) -> Iterator[OnProgress]:
    """Yields a progress callback (label, done, total) that prints to stderr: bars, or lines when piped.

    With a `schedule` the remaining time of all its rows is printed, too.
    """
    stderr, schedule = console(stderr=True), schedule or Schedule()
    if not stderr.is_terminal:
        yield _Lines(stderr, schedule)
        return
    columns = TextColumn("{task.description}", markup=False), BarColumn(), _TimeLeft(schedule)
    with Progress(*columns, console=stderr, transient=True) as bar:
        yield _Bars(bar, schedule)


def shown(progress: OnProgress | bool) -> AbstractContextManager[OnProgress]:
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
    """Remaining time: of all rows from the schedule, of the current work from its own pace."""

    max_refresh = 0.5  # a number that changes more often cannot be read

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.schedule = schedule

    def render(self, task: Task) -> Text:
        if task.fields.get("rows"):
            return Text(f"{rounded(self.schedule.left())} left in all")
        return Text("" if task.time_remaining is None else f"{task.time_remaining:.0f} s")


class _CurrentWork:
    """The work being reported: its label, and its remaining seconds at the pace so far."""

    def __init__(self) -> None:
        self.label, self.began, self.first, self.new = "", 0.0, 0, True

    def left(self, label: str, done: int, total: int) -> float | None:
        """Seconds; None before the pace is known. Another label or a smaller count is new work."""
        now = time.monotonic()
        self.new = label != self.label or done < self.first or done <= 1
        if self.new:
            self.label, self.began, self.first = label, now, done
        if done <= self.first or now - self.began < _BAR_DELAY:
            return None  # the first pace is mostly noise
        return (now - self.began) / (done - self.first) * (total - done)


class _Bars:
    """On a terminal: a bar for all rows, and one for current work of more than two seconds."""

    def __init__(self, bar: Progress, schedule: Schedule) -> None:
        self.bar, self.schedule, self.current = bar, schedule, _CurrentWork()
        self.rows = bar.add_task("", total=1.0, visible=False, rows=True)
        self.work = bar.add_task("", total=None, visible=False)
        self.first = time.monotonic()

    def __call__(self, label: str, done: int, total: int) -> None:
        left = self.current.left(label, done, total)
        now = time.monotonic()
        if self.current.new:
            self.bar.reset(self.work, visible=False)  # the pace of earlier work does not apply
        visible = done < total and now - self.current.began > _BAR_DELAY
        self.bar.update(
            self.work, description=terminal(label), completed=done, total=total, visible=visible
        )
        if self.schedule.row:
            self.schedule.current_left = left or 0.0
            visible = now - self.first > _BAR_DELAY
            title, fraction = self.schedule.title, self.schedule.fraction
            self.bar.update(self.rows, description=title, completed=fraction, visible=visible)


class _Lines:
    """For a pipe: a plain line every ten seconds, with the remaining time."""

    def __init__(self, console: Console, schedule: Schedule) -> None:
        self.console, self.schedule, self.current = console, schedule, _CurrentWork()
        self.last = time.monotonic()

    def __call__(self, label: str, done: int, total: int) -> None:
        left = self.current.left(label, done, total)
        now = time.monotonic()
        if now - self.last > _LINE_INTERVAL and done < total:
            self.last = now
            text = terminal(f"{label}: {done:,} of {total:,}{self._left(left)}")
            self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _left(self, seconds: float | None) -> str:
        text = "" if seconds is None else f", about {seconds:.0f} s left"
        if not self.schedule.row:
            return text
        self.schedule.current_left = seconds or 0.0
        return f"{text}; {self.schedule.title}, {rounded(self.schedule.left())} left in all"
