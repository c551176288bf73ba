"""Observers of a service: the audit log, and metrics with drift."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from securemnist.audit import Answer, AuditLog
from securemnist.audit.image_hash import image_hashes
from securemnist.errors import AuditError
from securemnist.monitoring import Monitor
from securemnist.monitoring.alarm import Alarm
from securemnist.monitoring.metrics import Metrics
from securemnist.monitoring.state import State
from securemnist.serve.record import Record

log = logging.getLogger("securemnist")
# A client that is over its limits, or a full queue: counted, as they may be many.
_COUNTED = (429, 503)
_PAUSE = 60.0  # seconds between printed alarms of a model, and between errors of the log


class AuditObserver:
    """Writes a line for each answer before it is sent. `names`: of the models, by digest.

    Requests that got no line of their own are counted: without a token, or refused as too many. Where
    the log is required and cannot be written, AuditError turns the answer into a 503. That is printed
    once a minute at most, so that a client does not fill the disk of what is printed, too.
    """

    def __init__(self, audit: AuditLog, names: Mapping[str, str]) -> None:
        self._audit, self._names = audit, names
        self._printed = -_PAUSE

    def __call__(self, record: Record) -> None:
        try:
            self._write(record)
        except AuditError as error:
            if not self._audit.settings.required:
                log.error("answered without a line in the audit log: %s", error)
                return
            if (now := time.monotonic()) - self._printed >= _PAUSE:
                self._printed = now
                log.error("requests are refused: %s", error)
            raise

    def _write(self, record: Record) -> None:
        if record.images is None and (not record.subject or record.status in _COUNTED):
            self._audit.count(record.status)
            return
        key, images = self._audit.image_key, record.images
        classes = [] if record.predictions is None else record.predictions.tolist()
        self._audit.answer(
            Answer(
                record.request,
                record.subject,
                self._names.get(record.model, ""),
                record.model,
                record.status,
                () if images is None else list(image_hashes(images.numpy(), key)),
                classes,
                1e3 * record.latency,
                record.path,
            )
        )


@dataclass(frozen=True)
class MonitorObserver:
    """Counts requests, and compares the images of each model. `monitors`, `names`: by digest.

    It never refuses an answer: what fails is logged.
    """

    metrics: Metrics
    monitors: Mapping[str, Monitor]
    names: Mapping[str, str]
    _unsaved: dict[str, State] = field(default_factory=dict)
    _printed: dict[str, float] = field(default_factory=dict)

    def __call__(self, record: Record) -> None:
        if record.further:
            return
        try:
            self.metrics.request(record.status, record.latency)
            if record.model in self.monitors:
                self._observe(record)
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
        """Write new states; for another thread than that of the requests, which does not wait then."""
        for digest in list(self._unsaved):
            self._write(self.monitors[digest], self._unsaved.pop(digest))

    def close(self) -> None:
        for monitor in self.monitors.values():
            self._write(monitor, monitor.state())

    def _write(self, monitor: Monitor, state: State) -> None:
        try:
            if monitor.path is not None:
                state.write(monitor.path)
        except OSError as error:
            log.error("the state of a monitor cannot be written: %s", error.strerror)
