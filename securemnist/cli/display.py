"""Progress in the terminal: a bar on anything that takes longer than two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from securemnist.types import Progress as Tell

_PATIENCE = 2.0
_EVERY = 10.0


@contextmanager
def progress_bar() -> Iterator[Tell]:
    """Yields a function to tell of progress; prints to stderr, and lines instead of bars when piped."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, visible=False)
        began: dict[str, float] = {}

        def tell(what: str, done: int, total: int) -> None:
            now = time.monotonic()
            if done <= 1 or what not in began:
                began[what] = now
                bar.reset(task, visible=False)  # the pace of other work says nothing of this
            shown = done < total and now - began[what] > _PATIENCE
            bar.update(task, description=what, completed=done, total=total, visible=shown)

        yield tell


class _Lines:
    """For a pipe: a plain line every ten seconds, with the time that the rest takes at this pace."""

    def __init__(self, console: Console) -> None:
        self.console, self.last = console, time.monotonic()
        self.what, self.began, self.first = "", self.last, 0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if what != self.what or done < self.first:
            self.what, self.began, self.first = what, now, done
        if now - self.last > _EVERY and done < total:
            self.last = now
            self.console.print(f"{what}: {done:,} of {total:,}{self._left(now, done, total)}",
                               highlight=False, markup=False, soft_wrap=True)  # fmt: skip

    def _left(self, now: float, done: int, total: int) -> str:
        if done <= self.first:
            return ""
        seconds = (now - self.began) / (done - self.first) * (total - done)
        return f", about {seconds:.0f} s left"
