"""Progress of the first measurement: what is done, with the row that it is done for."""

from __future__ import annotations

from dataclasses import dataclass

from securemnist.types import Progress


@dataclass
class RowProgress:
    """A display of progress that names the row being measured.

    Some measures report nothing: the beginning of each row is shown, too.
    """

    display: Progress
    row: str = ""
    at: str = ""
    begun: int = 0

    def begin(self, row: str, total: int, at: str = "") -> None:
        """Show that the next of `total` rows begins, or the same one `at` another eps."""
        if row != self.row:
            self.begun = min(self.begun + 1, total)
        self.row, self.at = row, at
        self.display(f"first measurement, {row}{at}", self.begun - 1, total)

    def __call__(self, label: str, done: int, total: int) -> None:
        self.display(f"{self.row}{self.at}: {label}" if self.row else label, done, total)
