"""A log of a process that can open no further file, as under a flood of connections."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from securemnist.audit import AuditLog, AuditSettings, verify
from securemnist.audit.folder import HEAD, head_number, segments
from securemnist.errors import AuditError
from tests.audit.logs import answer
from tests.error_form import one_sentence


@contextlib.contextmanager
def open_files(further: int) -> Iterator[None]:
    """A process that can open so many further files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)  # no number below it is free
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + further, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_tick_without_a_file_is_an_error_of_the_log(tmp_path: Path) -> None:
    """The thread of the ticks goes on after the error, and the next tick writes the head."""
    with AuditLog(tmp_path, AuditSettings(lines=1)) as log:
        log.answer(answer())
        log.answer(answer())
        with open_files(0), pytest.raises(AuditError) as refused:
            log.tick()
        one_sentence(refused.value)
        log.tick()
        assert head_number(tmp_path) == 6
    assert verify(tmp_path).whole


@pytest.mark.parametrize("further", [0, 1])
def test_next_file_of_a_log(further: int, tmp_path: Path) -> None:
    """A next file that could not be begun, or not in full, is begun by a later answer."""
    with AuditLog(tmp_path, AuditSettings(segment_bytes=4096)) as log:
        while segments(tmp_path)[0].stat().st_size < 4096:
            log.answer(answer())
        with open_files(further), pytest.raises(AuditError):
            log.answer(answer())
        log.answer(answer())
    assert len(segments(tmp_path)) == 2
    assert verify(tmp_path).whole
    assert (tmp_path / HEAD).exists()
