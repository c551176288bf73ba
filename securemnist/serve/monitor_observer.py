"""Metrics and drift as an observer. It never refuses an answer: what fails is logged."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from securemnist.monitoring import Monitor
from securemnist.monitoring.metrics import Metrics
from securemnist.serve.record import Record

log = logging.getLogger("securemnist")


@dataclass(frozen=True)
class MonitorObserver:
    """Counts requests, and compares the images of each model. `monitors`, `names`: by digest."""

    metrics: Metrics
    monitors: Mapping[str, Monitor]
    names: Mapping[str, str]

    def __call__(self, record: Record) -> None:
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
        for alarm in alarms:
            log.warning("drift of %s: %s", name, alarm)
        if monitor.windows > windows:
            self.metrics.drift(name, monitor, alarms)
            monitor.save()

    def close(self) -> None:
        """Write the states."""
        for monitor in self.monitors.values():
            try:
                monitor.save()
            except OSError as error:
                log.error("the state of a monitor cannot be written: %s", error.strerror)
