"""Answers whose line the audit log has no room for."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from securemnist.audit import AuditLog, AuditSettings, verify
from securemnist.audit.folder import segments
from securemnist.serve.observers import AuditObserver
from tests.serve.hosts import INFER, client, text
from tests.serve.test_observing import NAMES, answers


@pytest.mark.parametrize("required", [True, False])
def test_full_disk_stops_the_answers(required: bool, tmp_path: Path) -> None:
    """Without room for a line there is no answer, unless the log is not required."""
    with (
        AuditLog(tmp_path, AuditSettings(required=required)) as log,
        client(observers=[AuditObserver(log, NAMES)]) as alice,
    ):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = segments(tmp_path)[0].stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            answer = alice.post(INFER, content=text())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert answer.status_code == (503 if required else 200)
        assert ("outputs" in answer.json()) != required
        assert str(tmp_path) not in answer.text
        assert alice.post(INFER, content=text()).status_code == 200
    assert verify(tmp_path).whole
    assert len(answers(tmp_path)) == 1


def test_full_disk_is_printed_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """However many requests are refused for want of a line, the error is printed in one line."""
    audit = AuditLog(tmp_path)
    with client(observers=[AuditObserver(audit, NAMES)]) as alice:
        audit.close()
        assert {alice.post(INFER, content=text()).status_code for _ in range(5)} == {503}
    (record,) = caplog.records
    assert record.exc_info is None
    assert "cannot be written" in record.getMessage()
