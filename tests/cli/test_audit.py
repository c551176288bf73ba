"""`securemnist audit`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from securemnist.audit import AuditLog, keys
from securemnist.audit.folder import HEAD, segments
from securemnist.audit.image_hash import image_hashes
from securemnist.audit.line import build
from tests.audit.logs import answer, lines, write
from tests.commands import run
from tests.error_form import one_sentence


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A PNG file of 9x11 colour pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "sent.png")
    return tmp_path / "sent.png"


def test_verify_names_the_last_signed_line(tmp_path: Path) -> None:
    """A whole log has exit code 0, and the key beside it is said to be no proof."""
    folder = tmp_path / "log"
    write(folder, 3)
    done = run("audit", "verify", str(folder))
    assert done.exit_code == 0, done.output
    assert "lines 1 to 7 are as written, signed up to 7" in done.output
    assert "pass a copy kept elsewhere with --key" in done.output
    copy = tmp_path / "copy.pub"
    copy.write_bytes((folder / keys.PUBLIC).read_bytes())
    done = run("audit", "verify", str(folder), "--key", str(copy), "--head", str(folder / HEAD))
    assert done.exit_code == 0
    assert "pass a copy" not in done.output


def test_verify_names_the_damage(tmp_path: Path) -> None:
    """A damaged log has exit code 1, and the first changed line is named."""
    texts = write(tmp_path, 3)
    texts[3] = texts[3].replace(b"r-1", b"r-9")
    segments(tmp_path)[0].write_bytes(b"".join(texts))
    done = run("audit", "verify", str(tmp_path))
    assert done.exit_code == 1
    assert "damaged: line 4 was changed (audit-000001.jsonl:4)" in done.output


def test_unsigned_lines_are_no_pass(tmp_path: Path) -> None:
    """While the last lines of a log are not signed, the exit code is 3."""
    with AuditLog(tmp_path) as log:
        log.answer(answer())
        done = run("audit", "verify", str(tmp_path))
        assert done.exit_code == 3
        assert "lines 3 to 3 are not signed yet" in done.output
        assert "the log has no end" in done.output


def test_another_key_is_no_pass(tmp_path: Path) -> None:
    """A log that another key has signed fails."""
    write(tmp_path / "a", 1)
    write(tmp_path / "b", 1)
    done = run("audit", "verify", str(tmp_path / "a"), "--key", str(tmp_path / "b" / keys.PUBLIC))
    assert done.exit_code == 1
    assert "another key" in done.output


@pytest.mark.parametrize(
    "words",
    [["verify", "none"], ["verify", "."], ["show", "."], ["verify", "log", "--head", "none"]],
)
def test_no_log_is_a_usage_error(words: list[str], cwd: Path) -> None:
    """A folder that is missing or has no log, and a search without a condition, end with 2."""
    write(cwd / "log", 1)
    done = run("audit", *words)
    assert done.exit_code == 2
    one_sentence(Exception(done.output.strip()))


def test_show_finds_the_sender_of_a_picture(tmp_path: Path, picture: Path) -> None:
    """A picture is found by its pixels, with who sent it, when, and what was answered."""
    folder = tmp_path / "log"
    with AuditLog(folder) as log:
        pixels = np.asarray(Image.open(picture)).transpose(2, 0, 1)[None]
        sent = next(image_hashes(pixels.astype(np.float32) / np.float32(255), log.image_key))
        log.answer(answer("r-1", subject="alice"))
        log.answer(answer("r-2", subject="bob", images=["0" * 64, sent], classes=[3, 8]))
    done = run("audit", "show", str(folder), "--image", str(picture))
    assert done.exit_code == 0, done.output
    (found,) = [text for text in done.output.splitlines() if "sent request" in text]
    assert "line 4, " in found
    assert "bob sent request 'r-2' with 2 images to m (d); status 200, class 8" in found
    assert run("audit", "show", str(folder), "--subject", "alice").exit_code == 0
    both = run("audit", "show", str(folder), "--subject", "alice", "--image", str(picture))
    assert both.exit_code == 1
    assert "no answer in this log fits" in both.output


def test_hostile_lines_are_shown_safely(tmp_path: Path) -> None:
    """Lines of a forged log, with escape sequences and other types, are shown sanitised."""
    write(tmp_path, 1)
    forged = {"request": "r", "images": 7, "classes": {}, "subject": "\x1b[2J", "model": ["x" * 9]}
    text = build("answer", 3, "0" * 64, {**forged, "status": None}).text + b"\n"
    segments(tmp_path)[0].write_bytes(b"".join([*lines(tmp_path)[:2], text]))
    done = run("audit", "show", str(tmp_path), "--request", "r")
    assert done.exit_code == 1
    assert "sent request 'r' with 0 images" in done.output
    assert "\x1b" not in done.output


def test_show_says_that_the_log_is_damaged(tmp_path: Path) -> None:
    """An answer found in a damaged log is printed, but the exit code is 1."""
    texts = write(tmp_path, 3)
    del texts[3]
    segments(tmp_path)[0].write_bytes(b"".join(texts))
    done = run("audit", "show", str(tmp_path), "--request", "r-0")
    assert done.exit_code == 1
    assert "token-1 sent request 'r-0'" in done.output
    assert "line 4 was removed" in done.output
    assert lines(tmp_path) == texts
