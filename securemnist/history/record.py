"""The record: one JSON line an entry, appended whole or not at all, readable after any crash.

Writers take a lock and write once, at the end of the file. One that is killed on its way may leave half
a line; the next writer ends that line before its own, and no reader trips over it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securemnist.digests import canonical_json
from securemnist.errors import UsageError
from securemnist.resources import read_at_most

SCHEMA = 1
MAX_BYTES = 256 << 20
KINDS = ("assessment", "bench")


@dataclass(frozen=True)
class Record:
    """Entries in the order they were written; `torn` lines are half of one, or no entry of ours."""

    entries: tuple[Mapping[str, Any], ...]
    torn: int


def append(path: Path, entry: Mapping[str, Any]) -> None:
    """Add one entry; when this returns, it is on the disk.

    Safe beside other writers on one machine. UsageError where the file cannot be written or is no
    record; it then holds what it held before.
    """
    line = canonical_json({"schema": SCHEMA, **entry}).encode() + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        file = os.open(path, flags, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            _check_record(file, path)
            _write_once(file, line)
        finally:
            os.close(file)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be added to ({error.strerror}); name another file"
        ) from error


def _check_record(file: int, path: Path) -> None:
    """UsageError where the file is somebody's, but none of its lines an entry or the half of one."""
    if not os.fstat(file).st_size:
        return
    foreign = False
    with os.fdopen(os.dup(file), "rb") as lines:
        while line := lines.readline(MAX_BYTES):
            if _entry(line) is not None:
                return
            foreign = foreign or not _torn(line.strip())
    if foreign:
        raise UsageError(
            f"{path}: expected a record of `securemnist history`, or no file yet, got another file; "
            "name it with --file"
        )


def _torn(line: bytes) -> bool:
    """Whether this may be the beginning of an entry, left by a writer that was killed."""
    try:
        json.loads(line)
    except ValueError:
        return line[:2] in (b"", b"{", b'{"')
    except RecursionError:
        return False
    return False


def _write_once(file: int, line: bytes) -> None:
    size = os.fstat(file).st_size
    ended = size == 0 or os.pread(file, 1, size - 1) == b"\n"
    content = line if ended else b"\n" + line
    if os.write(file, content) != len(content):  # a full disk takes a part
        os.ftruncate(file, size)
        raise OSError(28, "No space left on device")
    os.fsync(file)


def read(path: Path) -> Record:
    """Every whole entry; UsageError where there is no such file."""
    try:
        lines = read_at_most(path, MAX_BYTES).split(b"\n")
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}); add an assessment first"
        ) from error
    entries = [_entry(line) for line in lines if line]
    whole = tuple(entry for entry in entries if entry is not None)
    return Record(whole, len(entries) - len(whole))


def _entry(line: bytes) -> Mapping[str, Any] | None:
    """One line as an entry; None where it is none."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    good = isinstance(data, dict) and data.get("schema") == SCHEMA and data.get("kind") in KINDS
    return data if good else None
