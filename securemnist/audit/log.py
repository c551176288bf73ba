"""The log that a service writes: one writer, one write a line, a signature at intervals."""

from __future__ import annotations

import contextlib
import datetime
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from securemnist._util.files import expecting
from securemnist.audit import checkpoint
from securemnist.audit import folder as names
from securemnist.audit.answer import Answer
from securemnist.audit.line import Line, build
from securemnist.audit.opening import locked, opened
from securemnist.audit.segment import Segment
from securemnist.audit.settings import AuditSettings
from securemnist.errors import AuditError

_COUNT_SECONDS = 1.0


class AuditLog:
    """The log in a folder, which is created with its keys where it is missing.

    Safe to use from several threads; a second writer, of any process, is refused by UsageError. What
    cannot be written raises AuditError, and the log is then as before.
    """

    def __init__(self, folder: Path, settings: AuditSettings | None = None) -> None:
        self.folder, self.settings = folder, settings or AuditSettings()
        self._guard = threading.Lock()
        self._counts: Counter[int] = Counter()
        self._counted = self._signed_at = time.monotonic()
        self._unsigned, self._closed = 0, False
        self._head = self._published = b""
        with contextlib.ExitStack() as stack:
            with expecting(folder, "a folder for the audit log", "name another"):
                stack.enter_context(locked(folder))
                found = opened(folder)
            self._key, self._about, self.image_key = found.key, found.about, found.image_key
            self._number, self._digest, self._segment = found.number, found.digest, found.segment
            stack.callback(lambda: self._segment.close())
            self._append("start", {**self._about, "time": _now()})
            for part in found.torn:
                self._append("torn", {**part, "time": _now()})
            self._sign()
            self._write_head(self._head, self._segment)
            self._resources = stack.pop_all()

    def answer(self, answer: Answer) -> int:
        """Append an answer; its number. The answer may leave the service after this returns."""
        with self._guard:
            self._sign_when_due()
            number = self._append("answer", {**answer.to_json(), "time": _now()})
            if self.settings.sync == "line":
                with self._writing():
                    self._segment.sync()
            return number

    def count(self, status: int) -> None:
        """Count a request that gets no line of its own, such as one without a token.

        Counts are written once a second at most, so that clients without a token do not fill the disk.
        """
        with self._guard:
            self._counts[int(status)] += 1
            if time.monotonic() - self._counted >= _COUNT_SECONDS:
                self._write_counts()

    def tick(self) -> None:
        """Write counts, sign what is due, and wait for the disk; to be called about once a second.

        Answers do not wait for it.
        """
        with self._guard:
            if self._closed:
                return
            self._write_counts()
            self._sign_when_due()
        self._publish()

    def close(self) -> None:
        """Write counts, say that the writer ends, sign, and let another writer go on."""
        with self._guard, self._resources:
            if self._closed:
                return
            self._closed = True
            self._write_counts()
            self._append("stop", {"time": _now()})
            self._sign()
            self._write_head(self._head, self._segment)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write_counts(self) -> None:
        if self._counts:
            statuses = {str(status): count for status, count in sorted(self._counts.items())}
            self._append("counts", {"statuses": statuses, "time": _now()})
            self._counts.clear()
        self._counted = time.monotonic()

    def _sign_when_due(self) -> None:
        old = time.monotonic() - self._signed_at >= self.settings.seconds
        if self._unsigned and (old or self._unsigned >= self.settings.lines):
            self._sign()

    def _sign(self) -> None:
        """Append a checkpoint, which becomes the head at the next tick."""
        content = checkpoint.sign(
            self._key, self._about["log"], self._number + 1, self._digest, _now()
        )
        self._head = self._put("checkpoint", content).text
        self._unsigned, self._signed_at = 0, time.monotonic()

    def _publish(self) -> None:
        """Write the head, without keeping answers waiting."""
        with self._guard, self._writing():
            head, segment = self._head, self._segment.duplicate()
        try:
            if head and head != self._published:
                self._write_head(head, segment)
        finally:
            segment.close()

    def _write_head(self, head: bytes, segment: Segment) -> None:
        """Lines first, so that the head never is ahead of the log on the disk."""
        with self._writing():
            segment.sync()
            names.write_head(self.folder, head)
        self._published = head

    def _append(self, kind: str, content: Mapping[str, Any]) -> int:
        if self._segment.size >= self.settings.segment_bytes:
            self._rotate()
        if not self._segment.size and kind != "start":
            self._put("segment", {**self._about, "time": _now()})
        line = self._put(kind, content)
        self._unsigned += 1
        return line.number

    def _rotate(self) -> None:
        """Sign the last line of the file, and go on in another."""
        if self._unsigned:
            self._sign()
        with self._writing():
            self._segment.sync()
            following = Segment(names.next_segment(self._segment.path, self.folder), new=True)
        self._segment.close()
        self._segment = following

    def _put(self, kind: str, content: Mapping[str, Any]) -> Line:
        try:
            line = build(kind, self._number + 1, self._digest, content)
        except ValueError as error:
            raise AuditError(f"{error}; send fewer images in one request") from error
        with self._writing():
            self._segment.write(line.text + b"\n")
        self._number, self._digest = line.number, line.digest
        return line

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """OSError of the block as AuditError."""
        try:
            yield
        except OSError as error:
            raise AuditError(
                f"{self.folder}: the audit log cannot be written ({error.strerror}); make room, or "
                "move the log"
            ) from error


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
