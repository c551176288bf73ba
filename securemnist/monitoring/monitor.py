"""Monitor: windows of images and answers, compared with the reference.

The probability that it ever raises a false alarm is at most `alpha`, as long as images are independent
and distributed as in the reference: by Bonferroni over all tests of a window, and by shares of alpha
for each window whose sum is one.
"""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from securemnist._util.hashing import sha256_of_value
from securemnist.errors import DataError, UsageError
from securemnist.monitoring import comparisons
from securemnist.monitoring import state as states
from securemnist.monitoring.alarm import Alarm, Result
from securemnist.monitoring.reference import Reference
from securemnist.monitoring.settings import MonitorSettings
from securemnist.monitoring.state import State
from securemnist.monitoring.statistics import statistics
from securemnist.types import Images, Logits

# Statistics are computed of this many images at a time, or of fewer large ones.
_WAITING, _WAITING_VALUES = 64, 1 << 20
_FIRST = 20  # alarms that are kept beside the latest
_TESTS = 3  # of each statistic: distribution, low values, high values


class Monitor:
    """Compares served images with a reference; for use by one thread.

    `path`: where the state is kept; without one it ends with the process. A state of another reference
    or other settings is replaced, one that this monitor cannot have written is refused. After SIGKILL the
    window that was not complete is lost.
    """

    def __init__(
        self,
        reference: Reference,
        settings: MonitorSettings | None = None,
        path: Path | None = None,
    ) -> None:
        self.reference, self.settings = reference, settings or MonitorSettings()
        self.path = path
        self.tests = _TESTS * len(reference.names) + 1
        self.owner = sha256_of_value([reference.digest, self.settings.compared()])
        self._waiting: list[tuple[Images, Logits]] = []
        self._restore(self._stored())

    def observe(self, images: Images, logits: Logits) -> list[Alarm]:
        """Add images float32 (n, C, H, W) in [0, 1] and their logits (n, K); alarms they raise.

        The tensors are read later, so they must not be changed. DataError for other shapes.
        """
        self._check(images, logits)
        alarms: list[Alarm] = []
        for part, answers in zip(images.split(_WAITING), logits.split(_WAITING), strict=True):
            self._waiting.append((part, answers))
            count = sum(len(waiting) for waiting, _ in self._waiting)
            values = sum(waiting.numel() for waiting, _ in self._waiting)
            full = count + self._filled >= self.settings.window
            if full or count >= _WAITING or values >= _WAITING_VALUES:
                alarms += self._add()
        return alarms

    def state(self) -> State:
        """What is kept over a restart."""
        self._add()
        filled = self._filled
        return State(
            states.FORMAT,
            self.owner,
            self.windows,
            self.images,
            self.alarm_count,
            self._rows[:filled].astype(float).tolist(),
            self._labels[:filled].tolist(),
            self.last,
            self.limit,
            self.alarms,
        )

    def save(self) -> None:
        """Write the state; OSError where that fails."""
        if self.path is not None:
            self.state().write(self.path)

    @property
    def limit(self) -> float:
        """The p value below which a test of the last window was an alarm; that of the first before."""
        return self.settings.limit(max(1, self.windows), self.tests)

    def _check(self, images: Images, logits: Logits) -> None:
        fits = images.ndim == 4 and logits.ndim == 2 and len(images) == len(logits)
        columns = len(self.reference.names) - 3
        if not fits or images.shape[1] != columns or logits.shape[1] != len(self.reference.classes):
            raise DataError(
                f"expected images (n, {columns}, H, W) and logits (n, {len(self.reference.classes)}), "
                f"got {tuple(images.shape)} and {tuple(logits.shape)}; use the reference of this model"
            )

    def _stored(self) -> State:
        """The state that goes on, which is empty without a stored one of this monitor."""
        empty = State(states.FORMAT, self.owner, 0, 0, 0, [], [], [], 0.0, [])
        if self.path is None or not self.path.exists():
            return empty
        stored = states.read(self.path)
        if stored.owner != self.owner:
            return empty
        if not self._possible(stored):
            raise UsageError(
                f"{self.path}: expected a state that this monitor wrote, got rows, totals or a limit "
                "that do not fit its windows; remove the file to start again"
            )
        return stored

    def _possible(self, stored: State) -> bool:
        """Whether this monitor can have written a state. Another one could keep it silent."""
        rows, size, windows = stored.rows, self.settings.window, stored.windows
        return (
            {len(row) for row in rows} <= {len(self.reference.names)}
            and len(rows) < size
            and max(stored.labels, default=0) < len(self.reference.classes)
            and stored.images == windows * size + len(rows)
            and stored.limit == self.settings.limit(max(1, windows), self.tests)
            and len(stored.last) in (0, self.tests)
            and stored.alarm_count <= windows * self.tests
            and all(a.limit == self.settings.limit(a.window, self.tests) for a in stored.alarms)
        )

    def _restore(self, stored: State) -> None:
        self.windows, self.images = stored.windows, stored.images
        self.alarm_count, self.alarms = stored.alarm_count, list(stored.alarms)
        self.last, self._filled = list(stored.last), len(stored.rows)
        self._rows = np.zeros((self.settings.window, len(self.reference.names)), np.float32)
        self._labels = np.zeros(self.settings.window, np.int64)
        if stored.rows:
            self._rows[: self._filled] = stored.rows
            self._labels[: self._filled] = stored.labels

    def _add(self) -> list[Alarm]:
        """Compute the statistics of waiting images; alarms of the windows that they complete."""
        if not self._waiting:
            return []
        images, logits = (torch.cat(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting = []
        rows, labels = statistics(images, logits)
        alarms: list[Alarm] = []
        self.images += len(rows)
        values, found = rows.numpy(), labels.numpy()
        while len(values):
            room = self.settings.window - self._filled
            end = self._filled + min(room, len(values))
            self._rows[self._filled : end] = values[:room]
            self._labels[self._filled : end] = found[:room]
            self._filled, values, found = end, values[room:], found[room:]
            if self._filled == self.settings.window:
                alarms += self._compare()
        return alarms

    def _compare(self) -> list[Alarm]:
        self.windows += 1
        self._filled = 0
        self.last = _results(self.reference, self._rows, self._labels, self.settings.tail)
        time = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        limit = self.limit
        alarms = [Alarm(time, self.windows, limit, r) for r in self.last if r.p < limit]
        self.alarm_count += len(alarms)
        every = [*self.alarms, *alarms]
        # The first ones say when a drift began.
        fits = len(every) <= states.KEPT_ALARMS
        self.alarms = every if fits else every[:_FIRST] + every[_FIRST - states.KEPT_ALARMS :]
        return alarms


def _results(
    reference: Reference, rows: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], tail: float
) -> list[Result]:
    """All tests of a window (n, S) with classes (n,)."""
    results, windows = [], np.sort(rows.T, axis=1)
    for name, known, window in zip(reference.names, reference.values, windows, strict=True):
        medians = float(np.median(known)), float(np.median(window))
        low, high = comparisons.tails(known, window, tail)
        results += [
            Result(name, "distribution", comparisons.distribution(known, window), *medians),
            Result(name, "low values", low, *medians),
            Result(name, "high values", high, *medians),
        ]
    counts = np.bincount(labels, minlength=len(reference.classes)).astype(np.int64)
    largest = int(np.abs(counts / counts.sum() - reference.classes / reference.size).argmax())
    shares = reference.classes[largest] / reference.size, counts[largest] / counts.sum()
    p = comparisons.classes(reference.classes, counts)
    return [*results, Result("classes", "shares", p, *map(float, shares))]
