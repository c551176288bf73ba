"""The writer: one at a time, whole lines, and private files."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from securemnist.audit import AuditLog, AuditSettings, keys, line, verify
from securemnist.audit.folder import segments
from securemnist.errors import AuditError, UsageError
from tests.audit.logs import KINDS, answer, kinds, lines, write
from tests.error_form import one_sentence

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


def test_requests_of_strangers_are_counted(tmp_path: Path) -> None:
    """A thousand requests without a token take one line, which has their number by status."""
    with AuditLog(tmp_path) as log:
        for _ in range(1_000):
            log.count(401)
        log.count(429)
    assert kinds(tmp_path) == ["start", "checkpoint", "counts", "stop", "checkpoint"]
    assert line.parse(lines(tmp_path)[2][:-1]).content["statuses"] == {"401": 1000, "429": 1}


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


def test_git_does_not_take_the_keys(tmp_path: Path) -> None:
    """`git add --all` in a repository with a log stages no key, and leaves a `.gitignore` as it was."""
    write(tmp_path / "log", 1)
    git = ("git", "-C", str(tmp_path))
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "--all"], check=True)
    staged = subprocess.run([*git, "ls-files"], check=True, capture_output=True, text=True).stdout
    assert f"log/{keys.PUBLIC}" in staged
    assert keys.SIGNING not in staged
    assert keys.IMAGES not in staged
    (tmp_path / "log" / keys.IGNORED).write_text("*\n")
    write(tmp_path / "log", 1)
    assert (tmp_path / "log" / keys.IGNORED).read_text() == "*\n"
