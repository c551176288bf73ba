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
            shown = done < total and now - began[what] > _PATIENCE
            bar.update(task, description=what, completed=done, total=total, visible=shown)

        yield tell


class _Lines:
    """One line every ten seconds of the same work."""

    def __init__(self, console: Console) -> None:
        self.console, self.last = console, time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self.last > 10 and done < total:
            self.last = now
            self.console.print(f"{what}: {done:,} of {total:,}", highlight=False)
