"""The next start of a log: what its keys and its head refuse."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from securemnist.audit import AuditLog, keys
from securemnist.audit.folder import HEAD, segments
from securemnist.errors import UsageError
from tests.audit.logs import lines, write
from tests.error_form import one_sentence


@pytest.mark.parametrize(
    "missing", [(keys.SIGNING,), (keys.IMAGES,)], ids=["signing key", "image key"]
)
def test_log_without_its_key_is_not_continued(missing: tuple[str], tmp_path: Path) -> None:
    """A log whose key is missing is refused; a new key would hide what was lost."""
    write(tmp_path, 1)
    for name in missing:
        (tmp_path / name).unlink()
    with pytest.raises(UsageError) as refused:
        AuditLog(tmp_path)
    one_sentence(refused.value)


@pytest.mark.parametrize("name", [keys.SIGNING, keys.IMAGES])
@pytest.mark.parametrize("how", ["open to others", "damaged", "a FIFO"])
def test_wrong_key_files_are_refused(name: str, how: str, tmp_path: Path) -> None:
    """A key that others may read, a damaged one and a FIFO are refused in one sentence."""
    write(tmp_path, 1)
    path = tmp_path / name
    if how == "open to others":
        path.chmod(0o640)
    elif how == "damaged":
        path.write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    else:
        path.unlink()
        os.mkfifo(path, 0o600)
    with pytest.raises(UsageError) as refused:
        AuditLog(tmp_path)
    one_sentence(refused.value)


def test_another_key_does_not_continue_a_log(tmp_path: Path) -> None:
    """A signing key that was exchanged is refused before a line is written."""
    write(tmp_path / "a", 1)
    write(tmp_path / "b", 1)
    os.replace(tmp_path / "b" / keys.SIGNING, tmp_path / "a" / keys.SIGNING)
    content = lines(tmp_path / "a")
    with pytest.raises(UsageError, match="got another"):
        AuditLog(tmp_path / "a")
    assert lines(tmp_path / "a") == content


def test_missing_lines_stop_the_next_start(tmp_path: Path) -> None:
    """A writer does not go on where signed lines are gone, which its signature would hide."""
    texts = write(tmp_path, 3)
    segments(tmp_path)[0].write_bytes(b"".join(texts[:4]))
    with pytest.raises(UsageError, match="which was signed") as refused:
        AuditLog(tmp_path)
    one_sentence(refused.value)
    segments(tmp_path)[0].unlink()
    with pytest.raises(UsageError, match="which was signed"):
        AuditLog(tmp_path)
    assert (tmp_path / HEAD).exists()
