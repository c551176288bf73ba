"""The record: a JSON Lines file with atomic appends, readable after a crash.

Writers take a lock and write once, at the end of the file. A killed writer may leave a partial
line; the next writer ends it first, and readers skip it. A reader keeps the lines as text and
parses the ones it shows, so that memory stays near the size of the file.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from securemnist._util.files import open_regular, read_at_most, wait_for_lock
from securemnist._util.hashing import canonical_json
from securemnist._util.parsing import json_value
from securemnist.errors import ParseError, UsageError
from securemnist.history.entry import when

SCHEMA = 1
MAX_BYTES = 64 << 20
MAX_LINE = 4 << 20
MAX_LINES = 200_000
KINDS = ("assessment", "bench")
# Seconds that a writer waits for other writers, each of which writes one line.
LOCK_SECONDS = 10.0


class Line(NamedTuple):
    """One entry: its kind, the name of its model (or ""), when it was made (or ""), and its JSON."""

    kind: str
    model: str
    made: str
    text: bytes

    @property
    def entry(self) -> Mapping[str, Any]:
        """The entry, parsed."""
        return _entry(self.text) or {}


@dataclass(frozen=True)
class Record:
    """Entries in the order they were written, and the number of `damaged` lines.

    A damaged line is a partial entry or other content.
    """

    lines: tuple[Line, ...]
    damaged: int

    def __len__(self) -> int:
        return len(self.lines)

    def by_time(self, kind: str) -> list[Line]:
        """The entries of a kind from the oldest to the newest, as they were made, not recorded.

        Entries of one time are in the order they were written; those without a time come first.
        """
        return sorted(
            (line for line in self.lines if line.kind == kind), key=lambda line: line.made
        )

    @property
    def entries(self) -> tuple[Mapping[str, Any], ...]:
        """All entries, parsed; for a large record, select lines first."""
        return tuple(line.entry for line in self.lines)


def append(path: Path, entry: Mapping[str, Any]) -> None:
    """Append one entry; on return it is on the disk.

    Safe with other writers on the same machine. Raises UsageError where the file cannot be written
    or is not a record; the file is then unchanged.
    """
    line = canonical_json({"schema": SCHEMA, **entry}).encode() + b"\n"
    if _entry(line) is None:
        raise UsageError(
            f"{path}: expected an entry of at most {MAX_LINE} bytes that can be read again; "
            "add assessments of fewer rows"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as file:
            wait_for_lock(file, LOCK_SECONDS)
            _check_record(file, path)
            _write_once(file, line)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be appended to ({error.strerror}); use another file"
        ) from error


def _check_record(file: int, path: Path) -> None:
    """Raise UsageError where the file has lines, but none of them is an entry or a partial one.

    OSError where it is too large to be one.
    """
    size = os.fstat(file).st_size
    if size > MAX_BYTES:
        raise OSError(errno.EFBIG, f"more than {MAX_BYTES} bytes")
    other, count = False, 0
    with os.fdopen(os.dup(file), "rb") as lines:
        while line := lines.readline(MAX_LINE):
            count += 1
            if count > MAX_LINES:  # other writers wait
                raise OSError(
                    errno.EFBIG, f"more than {MAX_LINES:,} lines, of which none is an entry"
                )
            if _entry(line) is not None:
                return
            other = other or not _may_be_partial(line.strip())
    if other:
        raise UsageError(
            f"{path}: expected a record of `securemnist history`, or no file yet, got another file; "
            "pass a record with --file"
        )


def _may_be_partial(line: bytes) -> bool:
    """Whether this may be the beginning of an entry, left by a killed writer."""
    try:
        json.loads(line)
    except ValueError:
        return line[:2] in (b"", b"{", b'{"')
    except RecursionError:
        return False
    return False


def _write_once(file: int, line: bytes) -> None:
    size = os.fstat(file).st_size
    complete = size == 0 or os.pread(file, 1, size - 1) == b"\n"
    content = line if complete else b"\n" + line
    if os.write(file, content) != len(content):  # a full disk accepts a part only
        os.ftruncate(file, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(file)


def read(path: Path) -> Record:
    """All complete entries; UsageError where the file is missing or too large."""
    try:
        content = read_at_most(path, MAX_BYTES)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}); add an assessment first"
        ) from error
    if (count := content.count(b"\n")) > MAX_LINES:
        raise UsageError(
            f"{path}: expected at most {MAX_LINES:,} entries, got {count:,} lines; start a new file"
        )
    lines = [_line(text) for text in content.split(b"\n") if text]
    entries = tuple(line for line in lines if line is not None)
    return Record(entries, len(lines) - len(entries))


def _line(text: bytes) -> Line | None:
    entry = _entry(text)
    if entry is None:
        return None
    return Line(entry["kind"], str(entry.get("model", "")), when(entry), text)


def _entry(line: bytes) -> Mapping[str, Any] | None:
    """The entry in a line; None for any other line."""
    if len(line) > MAX_LINE:
        return None
    try:
        data = json_value(line)
    except ParseError:
        return None
    valid = isinstance(data, dict) and data.get("schema") == SCHEMA and data.get("kind") in KINDS
    return data if valid else None
