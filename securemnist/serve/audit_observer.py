"""The audit log as an observer: a line for each answer, before it is sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from securemnist.audit import Answer, AuditLog
from securemnist.audit.image_hash import image_hashes
from securemnist.errors import AuditError
from securemnist.serve.record import Record

log = logging.getLogger("securemnist")
# A client that is over its limits, or a full queue: counted, as they may be many.
_COUNTED = (429, 503)


class AuditObserver:
    """Writes records to a log. `names`: of the models, by digest.

    Requests that got no line of their own are counted: without a token, or refused as too many. Where
    the log is required and cannot be written, AuditError turns the answer into a 503.
    """

    def __init__(self, audit: AuditLog, names: Mapping[str, str]) -> None:
        self._audit, self._names = audit, names

    def __call__(self, record: Record) -> None:
        try:
            self._write(record)
        except AuditError as error:
            if self._audit.settings.required:
                raise
            log.error("answered without a line in the audit log: %s", error)

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
