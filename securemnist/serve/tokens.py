"""Bearer tokens: a file of ids, salts and hashes, never of the tokens themselves."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securemnist._util.files import read_or_raise
from securemnist._util.hashing import json_file
from securemnist._util.parsing import json_object
from securemnist._util.resources import write_atomically
from securemnist.errors import ParseError, UsageError

MAX_BYTES = 1 << 20
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_HEX = re.compile(r"[0-9a-f]{64}")
_SALT_BYTES = _SECRET_BYTES = 32


@dataclass(frozen=True)
class Token:
    """A token that is known by its id, a salt and the SHA-256 of salt and secret.

    The secret has 256 random bits, so that a slow hash would protect nothing more.
    """

    id: str
    salt: str
    sha256: str

    @classmethod
    def new(cls, name: str) -> tuple[Token, str]:
        """A token and the text that its owner sends, "name.secret"; UsageError for a malformed name."""
        if not _ID.fullmatch(name):
            raise UsageError(
                f"expected a name of 1 to 32 lower-case letters, digits and hyphens, got {name!r:.60}; "
                "choose another"
            )
        secret, salt = secrets.token_urlsafe(_SECRET_BYTES), secrets.token_hex(_SALT_BYTES)
        return cls(name, salt, _hash(salt, secret)), f"{name}.{secret}"


class Tokens:
    """The tokens that a service accepts."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._by_id = {token.id: token for token in tokens}
        # An unknown id takes the same work as a known one.
        self._unknown = Token("", secrets.token_hex(_SALT_BYTES), "0" * 64)

    def owner(self, text: str) -> str | None:
        """The id of the token that was sent; None for a wrong one. Takes constant time."""
        name, _, secret = text.partition(".")
        token = self._by_id.get(name, self._unknown)
        right = hmac.compare_digest(_hash(token.salt, secret), token.sha256)
        return token.id if right and token.id else None

    def has(self, name: str) -> bool:
        return name in self._by_id


def load(path: Path) -> dict[str, Token]:
    """The tokens of a file by id; UsageError in one sentence."""
    advice = "write one with `securemnist serve token add`"
    content = read_or_raise(path, MAX_BYTES, "a file of tokens", UsageError, advice)
    try:
        return {name: _token(name, entry) for name, entry in json_object(content).items()}
    except ParseError as error:
        raise UsageError(f"{path}: expected tokens as JSON, got {error}; fix the file") from error


def save(path: Path, tokens: Iterable[Token]) -> None:
    """Write a file that only its owner can read, at once or not at all."""
    content = {token.id: {"salt": token.salt, "sha256": token.sha256} for token in tokens}
    write_atomically(path, json_file(content), private=True)


def _token(name: str, entry: Any) -> Token:
    valid = _ID.fullmatch(name) and isinstance(entry, dict) and set(entry) == {"salt", "sha256"}
    if not valid or not all(isinstance(v, str) and _HEX.fullmatch(v) for v in entry.values()):
        raise ParseError("an entry without a name, a salt and a SHA-256 in hexadecimal")
    return Token(name, entry["salt"], entry["sha256"])


def _hash(salt: str, secret: str) -> str:
    return hashlib.sha256(f"{salt}{secret}".encode(errors="surrogatepass")).hexdigest()
