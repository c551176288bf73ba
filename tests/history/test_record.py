"""The record: atomic appends, with concurrent writers and after crashes."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemnist._util.hashing import canonical_json
from securemnist.errors import UsageError
from securemnist.history import record
from tests.error_form import one_sentence

# Forks writers of long lines and kills each with SIGKILL at a random moment; a single thread may fork.
KILLER = """
import os, random, signal, sys, time
from pathlib import Path
from securemnist.history import record

path, rng, entries = Path(sys.argv[1]), random.Random(int(sys.argv[2])), 0
for number in range(100):
    child = os.fork()
    if not child:
        while True:
            record.append(path, {"kind": "bench", "figures": {"n": number}, "pad": "x" * 30_000})
    time.sleep(rng.uniform(0.0, 0.01))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    now = len(record.read(path).entries) if path.exists() else 0
    assert now >= entries, (number, now, entries)
    entries = now
    if number % 20 == 19:
        record.append(path, {"kind": "bench", "figures": {"last": number}})
        last = record.read(path).entries[-1]
        assert last["figures"] == {"last": number}, last
        os.truncate(path, 0)
        entries = 0
print("survived")
"""
# Prints by how many KB the page of a record has raised the memory of its process.
PAGE = """
import resource, sys
from pathlib import Path
from securemnist.history import record, trend
from securemnist.history.record import Record
trend.render(Record((), 0))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
page = trend.render(record.read(Path(sys.argv[1])))
assert b"R-99" in page
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
WRITER = """
import sys
from pathlib import Path
from securemnist.history import record
for number in range(40):
    record.append(Path(sys.argv[1]), {"kind": "bench", "who": sys.argv[2], "number": number})
"""


def entry(number: int) -> dict[str, Any]:
    """An entry with a number of its own."""
    return {"kind": "bench", "figures": {"n": number}}


@pytest.mark.timeout(300)
def test_record_survives_killed_writers(tmp_path: Path) -> None:
    """A writer killed with SIGKILL loses no entry and does not break the next read."""
    command = [sys.executable, "-c", KILLER, str(tmp_path / "h.jsonl"), "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.stdout == "survived\n", done.stderr


@given(cut=st.integers(1, 200))
def test_append_after_partial_line(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Wherever a line breaks off, entries before and after it are read."""
    path = tmp_path_factory.mktemp("history") / "h.jsonl"
    for number in range(3):
        record.append(path, entry(number))
    whole = path.read_bytes()
    path.write_bytes(whole[: -min(cut, len(whole) - 1)])
    before = record.read(path).entries
    record.append(path, entry(9))
    after = record.read(path)
    assert after.entries[:-1] == before
    assert after.entries[-1]["figures"] == {"n": 9}
    assert after.damaged <= 1


def test_concurrent_writers(tmp_path: Path) -> None:
    """Four processes that write at once lose and mix nothing."""
    path = tmp_path / "h.jsonl"
    commands = [[sys.executable, "-c", WRITER, str(path), str(who)] for who in range(4)]
    running = [subprocess.Popen(command) for command in commands]
    assert [process.wait(timeout=120) for process in running] == [0] * 4
    content = record.read(path)
    assert content.damaged == 0
    assert len(content.entries) == 160
    for who in "0123":
        numbers = [e["number"] for e in content.entries if e["who"] == who]
        assert numbers == list(range(40))


@pytest.mark.parametrize("text", ["{", "[]", "7", '{"schema": 1}', '{"schema": 2}', "[" * 9_999])
def test_read_counts_other_lines_as_damaged(text: str, tmp_path: Path) -> None:
    """Lines that are no entries are counted and skipped."""
    path = tmp_path / "h.jsonl"
    record.append(path, entry(0))
    with path.open("a") as file:
        file.write(text + "\n")
    record.append(path, entry(1))
    content = record.read(path)
    assert (len(content.entries), content.damaged) == (2, 1)


@pytest.mark.parametrize(
    "text", ["# Ours\n", "\n\nx\n", '{\n "schema": 1\n}\n', '{"schema": 2}\n', "7", "\0" * 99]
)
def test_append_refuses_other_files(text: str, tmp_path: Path) -> None:
    """Nothing is appended to a file without a line of a record."""
    path = tmp_path / "README.md"
    path.write_text(text)
    with pytest.raises(UsageError) as refused:
        record.append(path, entry(1))
    assert "expected a record" in one_sentence(refused.value)
    assert path.read_text() == text


def test_append_after_partial_lines_only(tmp_path: Path) -> None:
    """After partial lines only, the next writer starts the record."""
    path = tmp_path / "h.jsonl"
    path.write_text('{"figures":{"n":1\n{"fig\n{')
    record.append(path, entry(1))
    assert len(record.read(path).entries) == 1


@pytest.mark.timeout(60)
@pytest.mark.parametrize("line", [b"\n", b"{\n", b"1\n"])
def test_append_refuses_many_other_lines(
    line: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of millions of other lines is refused at the limit, and stays as it is.

    All of them would take minutes.
    """
    monkeypatch.setattr(record, "MAX_LINES", 20_000)
    path = tmp_path / "h.jsonl"
    content = line * (record.MAX_BYTES // 2)
    path.write_bytes(content)
    with pytest.raises(UsageError, match="more than 20,000 lines") as refused:
        record.append(path, entry(1))
    one_sentence(refused.value)
    assert path.stat().st_size == len(content)


def test_append_on_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partial write is undone and reported in one sentence."""
    path = tmp_path / "h.jsonl"
    record.append(path, entry(1))
    before, write = path.read_bytes(), record.os.write
    monkeypatch.setattr(record.os, "write", lambda file, text: write(file, text[:9]))
    with pytest.raises(UsageError) as refused:
        record.append(path, entry(2))
    assert "No space left" in one_sentence(refused.value)
    assert path.read_bytes() == before


def test_read_without_record(tmp_path: Path) -> None:
    """A missing record is reported in one sentence."""
    with pytest.raises(UsageError) as refused:
        record.read(tmp_path / "gone.jsonl")
    assert "cannot be read" in one_sentence(refused.value)


def test_render_memory_of_large_record(tmp_path: Path) -> None:
    """The page of a 20 MB record takes less than 80 MB more than that of a small one."""
    text = canonical_json({"kind": "assessment", "schema": 1, "model": "m", "exit_code": 0})
    rows = {f"R-{n}": {"value": 0.5, "verdict": "PASS", "asked": "x"} for n in range(100)}
    line = text[:-1] + ',"rows":' + canonical_json(rows) + "}\n"
    path = tmp_path / "h.jsonl"
    path.write_text(line * (20_000_000 // len(line)))
    command = [sys.executable, "-c", PAGE, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-500:]
    assert int(done.stdout) < 80 << 10


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\n" * (record.MAX_LINES + 1), "expected at most 200,000 entries"),
        (bytes(record.MAX_BYTES + 1), "more than 67108864 bytes"),
    ],
    ids=["lines", "bytes"],
)
def test_read_refuses_large_record(content: bytes, words: str, tmp_path: Path) -> None:
    """Too many lines and too many bytes are refused in a sentence."""
    path = tmp_path / "h.jsonl"
    path.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        record.read(path)
    assert words in one_sentence(refused.value)


def test_line_length_is_limited(tmp_path: Path) -> None:
    """A line over the limit is counted as damaged, and a longer entry is not written."""
    path = tmp_path / "h.jsonl"
    record.append(path, entry(0))
    before = path.read_bytes()
    with pytest.raises(UsageError) as refused:
        record.append(path, {"kind": "bench", "figures": {"x" * record.MAX_LINE: 1}})
    assert "that can be read again" in one_sentence(refused.value)
    assert path.read_bytes() == before
    path.write_bytes(
        before + b'{"kind": "bench", "schema": 1, "x": "' + b"x" * record.MAX_LINE + b'"}'
    )
    assert (len(record.read(path)), record.read(path).damaged) == (1, 1)


def test_append_waits_for_lock_with_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that keeps the lock delays a writer for a limited time."""
    path = tmp_path / "h.jsonl"
    record.append(path, entry(0))
    monkeypatch.setattr(record, "LOCK_SECONDS", 0.1)
    with path.open() as kept:
        fcntl.flock(kept, fcntl.LOCK_SH)
        with pytest.raises(UsageError) as refused:
            record.append(path, entry(1))
    assert "another process keeps it locked" in one_sentence(refused.value)
    record.append(path, entry(1))
    assert len(record.read(path)) == 2
