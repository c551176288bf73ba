"""Recovery: what a killed writer leaves, and how the next one goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from securemnist._util.hashing import sha256
from securemnist.audit import AuditLog, line, verify
from securemnist.audit.folder import segments
from securemnist.errors import UsageError
from tests.audit.logs import answer, lines, write
from tests.error_form import one_sentence

ROOT = Path(__file__).parents[2]


def test_killed_writers_lose_no_logged_answer() -> None:
    """Writers killed at random moments leave every logged answer and an unbroken chain."""
    program = [sys.executable, "-m", "benchmarks.kill_audit", "8"]
    run = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "8 kills" in run.stdout


@pytest.mark.parametrize("cut", [1, 2, 40, 200])
def test_incomplete_line_is_kept_aside(cut: int, tmp_path: Path) -> None:
    """A line that was not completed is moved to a file, which the log names with its digest."""
    write(tmp_path, 2)
    torn = lines(tmp_path)[3][:-cut]
    path = segments(tmp_path)[0]
    path.write_bytes(path.read_bytes() + torn)
    damage = verify(tmp_path).damage
    assert damage is not None
    assert "not complete" in damage.detail
    AuditLog(tmp_path).close()
    assert verify(tmp_path).whole
    (part,) = tmp_path.glob("torn-*.part")
    assert part.read_bytes() == torn
    named = [line.parse(text[:-1]) for text in lines(tmp_path)]
    (entry,) = [found.content for found in named if found.kind == "torn"]
    assert (entry["file"], entry["bytes"], entry["sha256"]) == (part.name, len(torn), sha256(torn))
    AuditLog(tmp_path).close()
    assert [found.kind for found in map(line.parse, map(bytes.strip, lines(tmp_path)))].count(
        "torn"
    ) == 1


def test_kill_during_recovery(tmp_path: Path) -> None:
    """A part that was moved aside by a start that was killed itself is named by the next start."""
    write(tmp_path, 1)
    number = len(lines(tmp_path)) + 1
    (tmp_path / f"torn-{number}-1.part").write_bytes(b'{"half')
    path = segments(tmp_path)[0]
    path.write_bytes(path.read_bytes() + b'{"half')
    AuditLog(tmp_path).close()
    kinds = [line.parse(text[:-1]).kind for text in lines(tmp_path)]
    assert kinds.count("torn") == 2
    assert verify(tmp_path).whole


@pytest.mark.parametrize("content", [b"", b'{"half'])
def test_file_begun_without_a_line(content: bytes, tmp_path: Path) -> None:
    """A file that a killed writer had just begun is begun again."""
    write(tmp_path, 20, segment_bytes=4096)
    files = segments(tmp_path)
    new = tmp_path / f"audit-{len(files) + 1:06d}.jsonl"
    new.write_bytes(content)
    with AuditLog(tmp_path) as log:
        log.answer(answer())
    assert verify(tmp_path).whole
    assert len(list(tmp_path.glob("torn-*.part"))) == bool(content)


def test_part_of_a_line_behind_an_empty_file(tmp_path: Path) -> None:
    """A part of a line whose number no line before it tells is refused by one sentence."""
    (tmp_path / "audit-000001.jsonl").touch()
    (tmp_path / "audit-000002.jsonl").write_bytes(b'{"half')
    with pytest.raises(UsageError) as refused:
        AuditLog(tmp_path)
    one_sentence(refused.value)


def test_first_line_never_completed(tmp_path: Path) -> None:
    """A log whose very first line was not completed begins anew, with that part aside."""
    (tmp_path / "audit-000001.jsonl").write_bytes(b'{"form')
    AuditLog(tmp_path).close()
    assert verify(tmp_path).whole
    assert len(list(tmp_path.glob("torn-1-*.part"))) == 1


@pytest.mark.parametrize("left", [2, 4])
def test_start_after_a_kill_is_named(left: int, tmp_path: Path) -> None:
    """A writer that had not stopped is named, with the last line signed before, also where it was cut."""
    write(tmp_path, 3)
    path = segments(tmp_path)[0]
    path.write_bytes(b"".join(lines(tmp_path)[:left]))
    (tmp_path / "head.json").write_bytes(lines(tmp_path)[1])
    assert not verify(tmp_path).stopped
    AuditLog(tmp_path).close()
    result = verify(tmp_path)
    assert result.whole
    assert result.stopped
    assert result.unstopped == ((left + 1, 2),)


def test_end_that_no_key_signed_is_none(tmp_path: Path) -> None:
    """Who cuts off lines that are not signed yet cannot hide it by a line that says the writer ended."""
    path = log_of_a_killed_writer(tmp_path)
    kept = lines(tmp_path)[:2]
    last = line.parse(kept[-1][:-1])
    end = line.build("stop", last.number + 1, last.digest, {"time": "2026-11-29T00:00:00+00:00"})
    path.write_bytes(b"".join(kept) + end.text + b"\n")
    assert not verify(tmp_path).stopped
    AuditLog(tmp_path).close()
    result = verify(tmp_path)
    assert result.whole
    assert result.unstopped == ((end.number + 1, last.number),)


def log_of_a_killed_writer(folder: Path) -> Path:
    """The file of a log of three answers that are not signed, whose head is its first checkpoint."""
    path = folder / "audit-000001.jsonl"
    texts = write(folder, 3)
    path.write_bytes(b"".join(texts[:-2]))
    (folder / "head.json").write_bytes(texts[1])
    return path


@pytest.mark.parametrize("content", [b"text\n", b"\x00" * 50 + b"\n", b"x" * 3_000_000])
def test_other_content_stops_the_start(content: bytes, tmp_path: Path) -> None:
    """A last line that no writer wrote stops the start, and nothing is changed."""
    write(tmp_path, 1)
    path = segments(tmp_path)[0]
    whole = path.read_bytes() + content
    path.write_bytes(whole)
    with pytest.raises(UsageError) as refused:
        AuditLog(tmp_path)
    one_sentence(refused.value)
    assert path.read_bytes() == whole
