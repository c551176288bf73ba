"""What observes a service: the audit log, metrics and drift, from its settings."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from securemnist.audit import AuditLog
from securemnist.data import DataSet
from securemnist.errors import SecureMnistError
from securemnist.monitoring import Monitor, Reference
from securemnist.monitoring import state as states
from securemnist.monitoring.metrics import Metrics
from securemnist.monitoring.metrics_server import MetricsServer
from securemnist.serve.observers import AuditObserver, MonitorObserver
from securemnist.serve.service import ServedModel, Service
from securemnist.serve.settings import Settings

log = logging.getLogger("securemnist")
_SECONDS = 1.0
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9.]+")


@contextlib.contextmanager
def observed(service: Service, settings: Settings, data: DataSet) -> Iterator[list[str]]:
    """Observers of a service until the end of the block, and a sentence on each.

    UsageError where the log, a state or the port of the metrics cannot be used.
    """
    sentences: list[str] = []
    with contextlib.ExitStack() as stack:
        if settings.has("audit"):
            sentences += stack.enter_context(_audited(service, settings))
        if settings.has("monitor"):
            sentences += stack.enter_context(_monitored(service, settings, data))
        yield sentences


@contextlib.contextmanager
def _audited(service: Service, settings: Settings) -> Iterator[list[str]]:
    folder = Path(settings.audit.folder)
    with AuditLog(folder, settings.audit) as audit, _each_second(audit.tick):
        service.observers.append(AuditObserver(audit, service.names))
        yield [f"audit log: {folder}"]


@contextlib.contextmanager
def _each_second(call: Callable[[], None]) -> Iterator[None]:
    """Call a function once a second, in a thread of its own, which may wait for the disk."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(_SECONDS):
            try:
                call()
            except SecureMnistError as error:
                log.error("%s", error)

    thread = threading.Thread(target=run, name="observing", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def _monitored(service: Service, settings: Settings, data: DataSet) -> Iterator[list[str]]:
    chosen, metrics = settings.monitor, Metrics()
    monitors, paths = {}, []
    with contextlib.ExitStack() as stack:
        for model in service.models:
            reference = Reference.of_data(model.module, data, model=model.digest)
            paths.append(Path(chosen.folder) / _file(model))
            stack.enter_context(states.locked(paths[-1]))
            monitors[model.digest] = Monitor(reference, chosen, paths[-1])
            metrics.drift(model.name, monitors[model.digest], [])
        observer = MonitorObserver(metrics, monitors, service.names)
        server = MetricsServer(metrics.text, chosen.metrics_port)
        service.observers.append(observer)
        try:
            with _each_second(observer.save):
                yield [f"metrics: {server.url}", *(f"drift: {path}" for path in paths)]
        finally:
            server.close()
            observer.close()


def _file(model: ServedModel) -> str:
    return f"drift-{_NOT_IN_A_NAME.sub('-', model.name)[-60:].strip('-.')}-{model.digest[:8]}.json"
