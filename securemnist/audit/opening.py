"""Opening of a log for writing: its lock, its keys, and the line after which it goes on."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from securemnist._util.files import only_writer
from securemnist.audit import folder as names
from securemnist.audit import keys, recovery
from securemnist.audit.segment import Segment
from securemnist.audit.settings import FORMAT
from securemnist.errors import UsageError


@dataclass(frozen=True)
class Opened:
    """A log that goes on behind line `number` with this digest.

    `about`: id, public key and format, which every file names; `torn`: parts of lines that the log has
    to name.
    """

    key: Ed25519PrivateKey
    image_key: bytes
    about: Mapping[str, Any]
    torn: tuple[Mapping[str, Any], ...]
    number: int
    digest: str
    segment: Segment


def opened(folder: Path) -> Opened:
    """The log in a locked folder, which is new where it has none.

    OSError where a file cannot be written, UsageError where it cannot be gone on with.
    """
    end = recovery.end_of(folder)
    if (head := names.head_number(folder)) > end.number:
        raise UsageError(
            f"{folder}: expected the audit log up to line {head}, which was signed, got "
            f"{end.number} lines; keep the folder, and log to another one"
        )
    if end.path is None:
        keys.create(folder)
    key, image_key = keys.signing_key(folder), keys.image_key(folder)
    log, public = secrets.token_hex(16), keys.raw(key.public_key())
    if end.path is not None:
        first = recovery.first_line(end.path).content
        log = str(first.get("log"))
        if first.get("key") != public:
            raise UsageError(
                f"{folder}: expected the key that has signed this log, got another; restore "
                f"{keys.SIGNING}, or log to another folder"
            )
    about = {"log": log, "key": public, "format": FORMAT}
    torn = tuple(recovery.torn_content(part) for part in end.torn)
    segment = Segment(end.path or names.next_segment(None, folder), new=end.path is None)
    return Opened(key, image_key, about, torn, end.number, end.digest, segment)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The lock of a folder, which is created; UsageError where another writer holds it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_writer(folder / names.LOCK, "an audit log", "name another folder"):
        yield
