"""The row of the audit trail reads the audit log, too."""

from __future__ import annotations

import pytest

from securemnist.audit import Verification
from securemnist.data import DataSet
from securemnist.results.findings import Verdict
from securemnist.serve.observers import AuditObserver
from securemnist.serve.record import Record
from securemnist.service_probes import audit_trail, own
from tests.serve.hosts import Toy
from tests.service_probes.test_rows import ROWS, judged


class Silent(AuditObserver):
    """Writes nothing."""

    def __call__(self, record: Record) -> None:
        """Leave the record out."""


class WithoutImages(AuditObserver):
    """Leaves the images out."""

    def __call__(self, record: Record) -> None:
        """Write the record without its images."""
        super().__call__(Record(**{**record.__dict__, "images": None}))


@pytest.mark.parametrize(
    ("observer", "failed"),
    [
        (Silent, "line of the audit log"),
        (WithoutImages, "keyed hashes in the log"),
    ],
)
def test_log_without_the_answer_fails(
    observer: type, failed: str, mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service whose log lacks the answer, or its images, fails the row."""
    monkeypatch.setattr(own, "AuditObserver", observer)
    verdict, evidence = judged(ROWS["audit_trail"], mnist, Toy)
    assert verdict is Verdict.FAIL
    assert failed in [check.name for check in evidence.checks or () if not check.holds]


def test_log_that_hides_a_change_fails(mnist: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log whose verification passes whatever the lines are fails the row."""
    whole = Verification(1, 9, 9, (), stopped=True, damage=None)
    monkeypatch.setattr(audit_trail, "verify", lambda _: whole)
    verdict, evidence = judged(ROWS["audit_trail"], mnist, Toy)
    assert verdict is Verdict.FAIL
    assert [c.name for c in evidence.checks or () if not c.holds] == ["changed line"]
