"""Checkpoints and the head: when lines are signed and stored."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from securemnist.audit import AuditLog, AuditSettings, verify
from securemnist.audit.folder import HEAD, head_number
from tests.audit.logs import answer, kinds


def test_checkpoint_follows_after_its_number_of_lines(tmp_path: Path) -> None:
    """At most as many lines as set are without a signature."""
    with AuditLog(tmp_path, AuditSettings(lines=3)) as log:
        for _ in range(7):
            log.answer(answer())
        result = verify(tmp_path)
        assert not result.whole
        assert (result.damage, result.last, result.signed) == (None, 11, 10)
    assert verify(tmp_path).whole


def test_checkpoint_follows_after_its_time(tmp_path: Path) -> None:
    """A quiet log is signed by its tick once the time is over, and only once."""
    with AuditLog(tmp_path, AuditSettings(seconds=1e-6)) as log:
        log.answer(answer())
        log.tick()
        log.tick()
        assert kinds(tmp_path) == ["start", "checkpoint", "answer", "checkpoint"]


def test_head_follows_at_the_tick(tmp_path: Path) -> None:
    """An answer does not wait for the head; the next tick writes it, and no later one again."""
    with AuditLog(tmp_path, AuditSettings(lines=2)) as log:
        for _ in range(3):
            log.answer(answer())
        assert head_number(tmp_path) == 2
        log.tick()
        assert head_number(tmp_path) == 5
        written = (tmp_path / HEAD).stat().st_mtime_ns
        log.tick()
        assert (tmp_path / HEAD).stat().st_mtime_ns == written
    log.tick()
    assert head_number(tmp_path) == 8


@pytest.mark.parametrize(("sync", "calls"), [("line", 3), ("checkpoint", 0)])
def test_lines_wait_for_the_disk(
    sync: str, calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer waits for the disk with sync = "line", none does with "checkpoint"."""
    counted: list[int] = []
    with AuditLog(tmp_path, AuditSettings(sync=sync)) as log:
        monkeypatch.setattr(os, "fdatasync", counted.append)
        for _ in range(3):
            log.answer(answer())
        assert len(counted) == calls
