"""Damage to a log: every change is found, and the first changed line is named."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from securemnist.audit import checkpoint, keys, line, verify
from securemnist.audit.folder import HEAD, segments
from tests.audit.logs import lines, verified, write

ANSWERS = 3
LAST = ANSWERS + 4


class Log(NamedTuple):
    """A closed log: lines 1 and 2 begin it, 3 to 5 are answers, 6 ends and 7 signs it."""

    folder: Path
    lines: list[bytes]
    key: str


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """A log of three answers."""
    folder = tmp_path_factory.mktemp("audit") / "log"
    return Log(folder, write(folder, ANSWERS), keys.public_key(folder / keys.PUBLIC))


def found(log: Log, texts: list[bytes]) -> tuple[str, int]:
    """Kind and number of the damage in these lines."""
    damage = verified(texts, log.key, log.folder / HEAD).damage
    assert damage is not None
    return damage.kind, damage.number


def rewritten(text: bytes, **fields: object) -> bytes:
    """A line with other fields, and a digest that fits them."""
    old = line.parse(text[:-1])
    known = {"kind": old.kind, "number": old.number, "previous": old.previous}
    changed = {**old.content, **known, **fields}
    kind, number, previous = (changed.pop(key) for key in known)
    return line.build(kind, number, previous, changed).text + b"\n"


def chained(texts: list[bytes], start: int) -> list[bytes]:
    """The lines with numbers and digests recomputed from place `start` on, as a forger would."""
    forged = list(texts)
    for place in range(start, len(forged)):
        before = line.parse(forged[place - 1][:-1])
        forged[place] = rewritten(forged[place], number=before.number + 1, previous=before.digest)
    return forged


def test_lines_are_as_documented(log: Log) -> None:
    """Digest and signature of a checkpoint follow from the text that docs/audit.md describes."""
    text = log.lines[-1][:-1].decode()
    end = len(',"digest":"') + 64 + len('"}')
    stored = json.loads(text)
    assert stored["digest"] == hashlib.sha256(f"{text[:-end]}}}".encode()).hexdigest()
    assert stored["previous"] == json.loads(log.lines[-2])["digest"]
    first = json.loads(log.lines[0])
    assert first["previous"] == "0" * 64
    parts = (first["log"], str(stored["number"]), stored["previous"], stored["time"])
    message = "".join(f"{part}\n" for part in ("securemnist audit checkpoint 1", *parts))
    public = load_pem_public_key((log.folder / keys.PUBLIC).read_bytes())
    assert isinstance(public, Ed25519PublicKey)
    public.verify(bytes.fromhex(stored["signature"]), message.encode())


def test_untouched_log_is_whole(log: Log) -> None:
    """A log that was closed is verified through its last line."""
    result = verify(log.folder)
    assert result.whole
    assert result.stopped
    assert (result.first, result.last, result.signed) == (1, LAST, LAST)


@pytest.mark.parametrize("number", [1, 2, 3, LAST])
def test_every_flipped_bit_is_found(log: Log, number: int) -> None:
    """Every single flipped bit of a line, its break included, is found, and the line is named."""
    before, text, after = log.lines[: number - 1], log.lines[number - 1], log.lines[number:]
    for place in range(len(text)):
        for bit in range(8):
            flipped = bytearray(text)
            flipped[place] ^= 1 << bit
            content = io.BytesIO(bytes(flipped) + b"".join(after))
            damage = verified([*before, *content], log.key).damage
            assert damage is not None, (place, bit)
            assert (damage.kind, damage.number) == ("changed", number), (place, bit)


def test_every_flipped_bit_of_the_head_is_found(log: Log, tmp_path: Path) -> None:
    """A head with a flipped bit does not pass for the head of the log."""
    content = (log.folder / HEAD).read_bytes()
    for place in range(len(content)):
        (tmp_path / HEAD).write_bytes(
            content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]
        )
        damage = verified(log.lines, log.key, tmp_path / HEAD).damage
        assert damage is not None, place


@pytest.mark.parametrize("number", range(1, LAST))
def test_removed_line(log: Log, number: int) -> None:
    """A line that was taken out is named, and so are all lines of a gap."""
    assert found(log, log.lines[: number - 1] + log.lines[number:]) == ("removed", number)


def test_removed_span(log: Log) -> None:
    """A gap of several lines is named with its first and last line."""
    damage = verified(log.lines[:3] + log.lines[6:], log.key).damage
    assert str(damage) == "line 4 was removed (f:4): lines 4 to 6 are missing before line 7"


@pytest.mark.parametrize("number", range(1, LAST))
def test_copied_line(log: Log, number: int) -> None:
    """A line that is there twice is named."""
    assert found(log, log.lines[:number] + log.lines[number - 1 :]) == ("inserted", number)


@pytest.mark.parametrize("number", range(1, LAST - 1))
def test_swapped_lines(log: Log, number: int) -> None:
    """Two lines that changed places are named by the first of them."""
    texts = list(log.lines)
    texts[number - 1], texts[number] = texts[number], texts[number - 1]
    assert found(log, texts) == ("reordered", number)


@pytest.mark.parametrize("number", range(3, ANSWERS + 2))
def test_inserted_line(log: Log, number: int) -> None:
    """A line with a digest of its own that was put before another is named."""
    fake = rewritten(log.lines[number - 1], request="forged")
    damage = verified([*log.lines[: number - 1], fake, *log.lines[number - 1 :]], log.key).damage
    assert damage is not None
    assert (damage.kind, damage.number, damage.where) == ("inserted", number, f"f:{number}")


@pytest.mark.parametrize("number", range(3, LAST))
def test_rewritten_line(log: Log, number: int) -> None:
    """A line that was rewritten with a digest that fits is named."""
    texts = list(log.lines)
    texts[number - 1] = rewritten(texts[number - 1], request="forged")
    assert found(log, texts) == ("changed", number)


def test_rewritten_rest(log: Log) -> None:
    """A forger who recomputes all digests fails at the next signature, and the span is named."""
    texts = list(log.lines)
    texts[4] = rewritten(texts[4], request="forged")
    damage = verified(chained(texts, 5), log.key).damage
    assert damage is not None
    assert (damage.kind, damage.number) == ("changed", 3)
    assert f"line {LAST} does not fit" in damage.detail


@pytest.mark.parametrize("kept", range(1, LAST))
def test_cut_off_lines(log: Log, kept: int) -> None:
    """Lines cut off at the end are found by the head."""
    assert found(log, log.lines[:kept]) == ("cut off", kept + 1)


def test_cut_and_signed_anew_by_another_key(log: Log) -> None:
    """Lines that a forger signs with a key of his own are refused, also where he names that key."""
    forger = Ed25519PrivateKey.generate()
    first = line.parse(log.lines[0][:-1]).content
    texts = chained(
        [rewritten(log.lines[0], key=keys.raw(forger.public_key())), *log.lines[1 : LAST - 1]], 1
    )
    last = line.parse(texts[-1][:-1])
    content = checkpoint.sign(forger, str(first["log"]), LAST, last.digest, "now")
    texts.append(line.build("checkpoint", LAST, last.digest, content).text + b"\n")
    assert found(log, texts) == ("changed", 1)


def test_old_head_elsewhere_shows_a_rollback(log: Log, tmp_path: Path) -> None:
    """A log rolled back together with its own head is refuted by a copy of a later head."""
    folder = tmp_path / "log"
    write(folder, 1)
    before = {path: path.read_bytes() for path in [segments(folder)[0], folder / HEAD]}
    (tmp_path / "copy").write_bytes((log.folder / HEAD).read_bytes())
    write(folder, 1)
    (tmp_path / "later").write_bytes((folder / HEAD).read_bytes())
    for path, content in before.items():
        path.write_bytes(content)
    assert verify(folder).whole
    damage = verify(folder, head=tmp_path / "later").damage
    assert damage is not None
    assert damage.kind == "cut off"
    foreign = verify(folder, head=tmp_path / "copy").damage
    assert foreign is not None
    assert "not signed for this log" in foreign.detail


@pytest.mark.parametrize("content", [None, b"", b"{}\n"])
def test_missing_head_is_no_pass(content: bytes | None, tmp_path: Path) -> None:
    """A log without its head, or with a damaged one, is not whole."""
    write(tmp_path, 2)
    (tmp_path / HEAD).unlink()
    if content is not None:
        (tmp_path / HEAD).write_bytes(content)
    damage = verify(tmp_path).damage
    assert damage is not None
    assert damage.kind == "cut off"


def test_removed_file_is_found(tmp_path: Path) -> None:
    """A file of the log that was taken out is found at any place; the oldest ones may be left out."""
    write(tmp_path, 60, segment_bytes=4096)
    files = segments(tmp_path)
    assert len(files) > 3
    assert verify(tmp_path).whole
    for path, kind in ((files[1], "removed"), (files[-1], "cut off"), (files[0], "removed")):
        content = path.read_bytes()
        path.unlink()
        damage = verify(tmp_path).damage
        assert damage is not None
        assert damage.kind == kind
        path.write_bytes(content)
    second = line.parse(files[1].read_bytes().split(b"\n")[0]).number
    files[0].unlink()
    assert verify(tmp_path, first=second).whole
    assert lines(tmp_path)
