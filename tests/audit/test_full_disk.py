"""A log whose disk is full: whole lines or none."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from securemnist.audit import AuditLog, verify
from securemnist.audit.folder import segments
from securemnist.audit.segment import Segment
from securemnist.errors import AuditError, UsageError
from tests.audit.logs import KINDS, answer, kinds, lines
from tests.error_form import one_sentence


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[AuditLog]:
    """A log of a few lines whose file cannot grow by more than 100 bytes."""
    log = AuditLog(tmp_path)
    log.answer(answer())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = segments(tmp_path)[0].stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))
    try:
        yield log
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
        log.close()


def test_full_disk_leaves_no_part_of_a_line(full_disk: AuditLog, tmp_path: Path) -> None:
    """Without room for a line the caller gets an error, and the log is as before."""
    content = lines(tmp_path)
    for _ in range(3):
        with pytest.raises(AuditError) as refused:
            full_disk.answer(answer())
        one_sentence(refused.value)
        assert lines(tmp_path) == content


def test_log_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    """After a write that failed, later answers are chained to the last whole line."""
    with AuditLog(tmp_path) as log:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (segments(tmp_path)[0].stat().st_size, before[1]))
        try:
            with pytest.raises(AuditError):
                log.answer(answer())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        log.answer(answer())
    assert verify(tmp_path).whole
    assert kinds(tmp_path) == KINDS


def test_device_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC of the kernel, which also refuses to cut the file, stops the log until a new start."""
    log = AuditLog(tmp_path)
    log.answer(answer())
    segment: Segment = log._segment
    file, full = segment._file, os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(segment, "_file", full)
    with pytest.raises(AuditError, match="No space left"):
        log.answer(answer())
    monkeypatch.setattr(segment, "_file", file)
    with pytest.raises(AuditError, match="start the service again"):
        log.answer(answer())
    os.close(full)
    with pytest.raises(AuditError):
        log.close()
    AuditLog(tmp_path).close()
    assert verify(tmp_path).whole


def test_an_incomplete_line_stays_where_there_is_no_room_for_it(tmp_path: Path) -> None:
    """A start without room for what a killed writer left keeps it in the log; the next one moves it."""
    AuditLog(tmp_path).close()
    path, torn = segments(tmp_path)[0], b'{"half' * 1_000
    path.write_bytes(path.read_bytes() + torn)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(torn) - 1, before[1]))
    try:
        with pytest.raises(UsageError, match="No space left") as refused:
            AuditLog(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    one_sentence(refused.value)
    assert path.read_bytes().endswith(torn)
    AuditLog(tmp_path).close()
    (part,) = tmp_path.glob("torn-*.part")
    assert part.read_bytes() == torn
    assert verify(tmp_path).whole
