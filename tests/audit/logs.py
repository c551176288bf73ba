"""Small logs, and verification of their lines without files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from securemnist.audit import Answer, AuditLog, AuditSettings, Verification, line, verification
from securemnist.audit.folder import segments


def answer(request: str = "r-1", image: str = "ab" * 32, **fields: object) -> Answer:
    """An answer with the class 7."""
    known = {"subject": "token-1", "model": "m", "model_digest": "d", "status": 200}
    return Answer(**{"request": request, **known, "images": [image], "classes": [7], **fields})


def write(folder: Path, count: int, **settings: object) -> list[bytes]:
    """A new log with `count` answers, closed; its lines with their line breaks."""
    with AuditLog(folder, AuditSettings(**settings)) as log:
        for number in range(count):
            log.answer(answer(f"r-{number}"))
    return lines(folder)


def lines(folder: Path) -> list[bytes]:
    """The lines of a log with their line breaks."""
    content = b"".join(path.read_bytes() for path in segments(folder))
    return content.splitlines(keepends=True)


def verified(texts: Iterable[bytes], key: str, *heads: Path) -> Verification:
    """What verification says of these lines."""
    places = (verification.place(f"f:{n}", text) for n, text in enumerate(texts, 1))
    return verification.verify_places(places, key, heads)


KINDS = ["start", "checkpoint", "answer", "stop", "checkpoint"]


def kinds(folder: Path) -> list[str]:
    """The kinds of all lines."""
    return [line.parse(text[:-1]).kind for text in lines(folder)]
