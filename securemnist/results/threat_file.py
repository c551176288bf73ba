"""The file of the threat model beside a policy, as text: reading it needs more than this layer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from securemnist._util.files import exists, expecting, read_at_most
from securemnist._util.hashing import sha256
from securemnist._util.parsing import MAX_TOML_BYTES, decoded
from securemnist.errors import ParseError, PolicyError

NAME = "threats.toml"


@dataclass(frozen=True)
class ThreatFile:
    """The text of a threat model; `path` is for messages."""

    path: str
    text: str

    def to_json(self) -> dict[str, str]:
        """What an assessment records of it: name, SHA-256 and text."""
        return {"path": NAME, "digest": sha256(self.text.encode()), "text": self.text}


def beside(policy: Path) -> ThreatFile | None:
    """The threat model in the folder of a policy; None without one, PolicyError if it is unreadable."""
    path, what, advice = policy.parent / NAME, "a threat model", "fix or remove it"
    with expecting(path, what, advice, PolicyError):
        if not exists(path) and not path.is_symlink():
            return None
    return ThreatFile(str(path), text_of(path, what, advice))


def text_of(path: Path, what: str, advice: str) -> str:
    """The text of a policy or threat model; PolicyError where it cannot be read."""
    try:
        with expecting(path, what, advice, PolicyError):
            return decoded(read_at_most(path, MAX_TOML_BYTES))
    except ParseError as error:
        raise PolicyError(f"{path}: expected UTF-8 text, got {error}; save it as UTF-8") from error
