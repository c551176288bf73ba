"""Metrics and drift as an observer. It never refuses an answer: what fails is logged.

Answers do not wait for the comparison of a window: images are kept, and `work` compares them in
another thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from securemnist.monitoring import Monitor
from securemnist.monitoring.alarm import Alarm
from securemnist.monitoring.metrics import Metrics
from securemnist.monitoring.state import State
from securemnist.serve.record import Record

_PAUSE = 60.0  # seconds between printed alarms of a model
# Values of the images that may wait, 16 MiB; with more the requests themselves do the work.
_WAITING_VALUES = 4 << 20
log = logging.getLogger("securemnist")


@dataclass(frozen=True)
class MonitorObserver:
    """Counts requests, and compares the images of each model. `monitors`, `names`: by digest."""

    metrics: Metrics
    monitors: Mapping[str, Monitor]
    names: Mapping[str, str]
    _unsaved: dict[str, State] = field(default_factory=dict)
    _printed: dict[str, float] = field(default_factory=dict)
    _waiting: deque[Record] = field(default_factory=deque)
    _work: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, record: Record) -> None:
        try:
            self.metrics.request(record.status, record.latency)
        except Exception:
            log.exception("expected to count a request, an error occurred")
        if record.model not in self.monitors or record.images is None or record.logits is None:
            return
        self._waiting.append(record)
        if len(self._waiting) * record.images.numel() > _WAITING_VALUES:
            self.work()

    def work(self) -> None:
        """Compare the images of waiting records, in their order."""
        with self._work:
            while self._waiting:
                try:
                    self._observe(self._waiting.popleft())
                except Exception:
                    log.exception("expected to monitor a request, an error occurred")

    def _observe(self, record: Record) -> None:
        if record.images is None or record.logits is None or record.predictions is None:
            return
        name, monitor = self.names[record.model], self.monitors[record.model]
        self.metrics.answers(name, record.predictions.tolist())
        windows = monitor.windows
        alarms = monitor.observe(record.images, record.logits)
        if alarms:
            self._print(name, monitor, alarms)
        if monitor.windows > windows:
            self.metrics.drift(name, monitor, alarms)
            self._unsaved[record.model] = monitor.state()

    def _print(self, name: str, monitor: Monitor, alarms: list[Alarm]) -> None:
        """Print the clearest alarm, once a minute at most: a lasting drift is in every window."""
        now = time.monotonic()
        if now - self._printed.get(name, -_PAUSE) >= _PAUSE:
            self._printed[name] = now
            least = min(alarms, key=lambda alarm: alarm.result.p)
            log.warning("drift of %s, %d alarms up to now: %s", name, monitor.alarm_count, least)

    def save(self) -> None:
        """Write new states."""
        with self._work:
            unsaved = [(self.monitors[digest], state) for digest, state in self._unsaved.items()]
            self._unsaved.clear()
        for monitor, state in unsaved:
            self._write(monitor, state)

    def close(self) -> None:
        """Compare what waits, and write all states."""
        self.work()
        for monitor in self.monitors.values():
            self._write(monitor, monitor.state())

    def _write(self, monitor: Monitor, state: State) -> None:
        try:
            if monitor.path is not None:
                state.write(monitor.path)
        except OSError as error:
            log.error("the state of a monitor cannot be written: %s", error.strerror)
