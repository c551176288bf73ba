"""Metrics for Prometheus, in a registry of their own. Labels never come from a request."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from securemnist.monitoring.alarm import Alarm
from securemnist.monitoring.monitor import Monitor

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_TEST = ("model", "statistic", "test")


class Metrics:
    """Requests, answers and drift of a service; `text` is what Prometheus reads.

    `model` is the name of a served model, from its owner's settings.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        self._requests = counter("securemnist_requests", "Requests by HTTP status.", ["status"])
        self._seconds = Histogram(
            "securemnist_request_seconds",
            "Seconds until an answer was ready.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        images = "Images by predicted class."
        self._answers = counter("securemnist_answers", images, ["model", "label"])
        alarms = "Alarms of the drift monitor."
        self._alarms = counter("securemnist_drift_alarms", alarms, _TEST)
        self._windows = gauge("securemnist_drift_windows", "Compared windows.", ["model"])
        self._p = gauge("securemnist_drift_p", "P value of the last window, by test.", _TEST)
        below = "P value below which the last window is an alarm."
        self._limit = gauge("securemnist_drift_limit", below, ["model"])

    def request(self, status: int, seconds: float) -> None:
        """Count a request, answered or refused."""
        self._requests.labels(str(int(status))).inc()
        self._seconds.observe(seconds)

    def answers(self, model: str, classes: Iterable[int]) -> None:
        """Count images by their predicted classes."""
        for label in classes:
            self._answers.labels(model, str(int(label))).inc()

    def drift(self, model: str, monitor: Monitor, alarms: Iterable[Alarm]) -> None:
        """Show the last window of a monitor, and count new alarms."""
        self._windows.labels(model).set(monitor.windows)
        self._limit.labels(model).set(monitor.limit)
        for result in monitor.last:
            self._p.labels(model, result.statistic, result.test).set(result.p)
        for alarm in alarms:
            self._alarms.labels(model, alarm.result.statistic, alarm.result.test).inc()

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
