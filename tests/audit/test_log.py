"""The writer: one at a time, whole lines or none, and private files."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from securemnist.audit import AuditLog, AuditSettings, keys, line, verify
from securemnist.audit.folder import HEAD, head_number, segments
from securemnist.audit.segment import Segment
from securemnist.errors import AuditError, UsageError
from tests.audit.logs import answer, lines, write
from tests.error_form import one_sentence

KINDS = ["start", "checkpoint", "answer", "stop", "checkpoint"]
OTHER_WRITER = """
import sys
from pathlib import Path
from securemnist.audit import AuditLog
from securemnist.errors import UsageError
try:
    AuditLog(Path(sys.argv[1]))
except UsageError as error:
    sys.exit(str(error))
"""


def kinds(folder: Path) -> list[str]:
    """The kinds of all lines."""
    return [line.parse(text[:-1]).kind for text in lines(folder)]


def test_answer_is_stored_as_given(tmp_path: Path) -> None:
    """A line holds who asked, when, by which model and what was answered."""
    write(tmp_path, 1)
    stored = line.parse(lines(tmp_path)[2][:-1])
    time = str(stored.content["time"])
    assert time.endswith("+00:00")
    assert stored.content == {
        "request": "r-0",
        "subject": "token-1",
        "model": "m",
        "model_digest": "d",
        "path": "",
        "status": 200,
        "images": ["ab" * 32],
        "classes": [7],
        "milliseconds": 0.0,
        "time": time,
    }


def test_hostile_text_stays_on_its_line(tmp_path: Path) -> None:
    """Control characters, quotes and long texts of a request neither end a line nor fill the disk."""
    with AuditLog(tmp_path) as log:
        log.answer(answer('"}\n{"kind":"start"\x1b[2J\u202e' + "x" * 10_000))
    assert kinds(tmp_path) == KINDS
    assert verify(tmp_path).whole
    text = lines(tmp_path)[2]
    assert text.isascii()
    assert len(text) < 2_000


def test_files_are_private(tmp_path: Path) -> None:
    """Log, keys, lock and head lie in a folder of mode 0700; keys have mode 0600."""
    folder = tmp_path / "log"
    write(folder, 1)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in (keys.SIGNING, keys.IMAGES, segments(folder)[0].name):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name


def test_second_writer_is_refused(tmp_path: Path) -> None:
    """While a service writes a log, no thread and no process may open it for writing."""
    with AuditLog(tmp_path):
        with pytest.raises(UsageError, match="another service") as refused:
            AuditLog(tmp_path)
        one_sentence(refused.value)
        program = [sys.executable, "-c", OTHER_WRITER, str(tmp_path)]
        run = subprocess.run(program, capture_output=True, text=True, timeout=60)
        assert run.returncode == 1
        assert "another service" in run.stderr
    AuditLog(tmp_path).close()
    assert kinds(tmp_path) == ["start", "checkpoint", "stop", "checkpoint"] * 2


def test_threads_share_a_log(tmp_path: Path) -> None:
    """Answers of several threads become one chain."""
    with AuditLog(tmp_path, AuditSettings(lines=7)) as log:
        threads = [
            threading.Thread(target=lambda: [log.answer(answer()) for _ in range(40)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert verify(tmp_path).whole
    assert kinds(tmp_path).count("answer") == 160


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


def test_requests_of_strangers_are_counted(tmp_path: Path) -> None:
    """A thousand requests without a token take one line, which has their number by status."""
    with AuditLog(tmp_path) as log:
        for _ in range(1_000):
            log.count(401)
        log.count(429)
    assert kinds(tmp_path) == ["start", "checkpoint", "counts", "stop", "checkpoint"]
    assert line.parse(lines(tmp_path)[2][:-1]).content["statuses"] == {"401": 1000, "429": 1}


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


def test_too_long_line_is_refused(tmp_path: Path) -> None:
    """An answer with more images than a line holds is refused, and the log goes on."""
    with AuditLog(tmp_path) as log:
        with pytest.raises(AuditError) as refused:
            log.answer(answer(images=["a" * 64] * 20_000))
        one_sentence(refused.value)
        log.answer(answer())
    assert verify(tmp_path).whole


def test_files_follow_each_other(tmp_path: Path) -> None:
    """A full file ends with a checkpoint, and the next one begins by naming the log."""
    write(tmp_path, 40, segment_bytes=4096)
    files = segments(tmp_path)
    assert len(files) > 2
    for path in files[:-1]:
        assert line.parse(path.read_bytes().splitlines()[-1]).kind == "checkpoint"
        assert path.stat().st_size < 4096 + 2_000
    first = [line.parse(path.read_bytes().splitlines()[0]) for path in files]
    assert [entry.kind for entry in first] == ["start"] + ["segment"] * (len(files) - 1)
    assert len({entry.content["log"] for entry in first}) == 1


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
