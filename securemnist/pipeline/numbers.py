"""Names of the networks on the page, and the table of their numbers."""

from __future__ import annotations

from collections.abc import Sequence

from securemnist.pipeline.documents import Measured
from securemnist.pipeline.sizes import BASELINE, HARDENED, ONE_STEP, POISONED
from securemnist.view.figure import Table
from securemnist.view.wording import NONE

TITLES = {
    BASELINE: "undefended",
    ONE_STEP: "one-step",
    HARDENED: "hardened",
    POISONED: "poisoned",
}


def numbers(name: str, rows: Sequence[tuple[str, Measured | None]]) -> Table:
    """A line for each number: value, interval, images and doubts; dashes where there is none."""
    return Table(
        head=(name, "value", "95 % interval", "images", "doubts"),
        rows=tuple((label, *_cells(one)) for label, one in rows),
    )


def _cells(one: Measured | None) -> tuple[str, ...]:
    if one is None:
        return (NONE,) * 4
    doubts = ", ".join(doubt.name for doubt in one.doubts)
    interval = f"{one.low:.4f} to {one.high:.4f}"
    return (f"{one.value:.4f}", interval, f"{one.n:,}", doubts or "none")
