"""What triage says about a file: clean, malicious or could not scan, with the reasons."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from securemnist.errors import FAILED, UNDECIDED
from securemnist.sanitize import sentence

# Reasons that are kept of one file: the first ones decide, and a hostile file may have millions.
MOST_REASONS = 20


class Outcome(enum.Enum):
    """The three outcomes; `exit_code` is that of a command.

    MALICIOUS: reading the file in the usual way would import or call something outside the allowlist, or
    use files elsewhere. UNKNOWN: the file could not be scanned as a whole, or holds what is not read.
    """

    CLEAN = "clean"
    MALICIOUS = "malicious"
    UNKNOWN = "could not scan"

    @property
    def exit_code(self) -> int:
        """0 clean, 1 malicious, 3 could not scan."""
        return {Outcome.CLEAN: 0, Outcome.MALICIOUS: FAILED, Outcome.UNKNOWN: UNDECIDED}[self]


@dataclass(frozen=True)
class Reason:
    """Why a file is not clean.

    `place`: the member of an archive, or "" for the file itself. `opcode`, `name` and `offset` are those
    of a pickle: the instruction, what it names, and its byte in that member.
    """

    outcome: Outcome
    text: str
    place: str = ""
    opcode: str = ""
    name: str = ""
    offset: int | None = None

    def __str__(self) -> str:
        where = [self.place] if self.place else []
        if self.offset is not None:
            by = f" ({self.opcode})" if self.opcode else ""
            where.append(f"byte {self.offset}{by}")
        prefix = f"{', '.join(where)}: " if where else ""
        return sentence(f"{prefix}{self.text}", 300)

    def to_json(self) -> dict[str, Any]:
        """The reason as JSON, without empty fields."""
        entries = {
            "outcome": self.outcome.value,
            "text": sentence(self.text, 300),
            "place": sentence(self.place, 300),
            "opcode": self.opcode,
            "name": sentence(self.name, 300),
            "offset": self.offset,
        }
        return {key: value for key, value in entries.items() if value not in ("", None)}


def malicious(text: str, place: str = "", **where: Any) -> Reason:
    return Reason(Outcome.MALICIOUS, text, place, **where)


def unknown(text: str, place: str = "", **where: Any) -> Reason:
    return Reason(Outcome.UNKNOWN, text, place, **where)


def outcome_of(reasons: Iterable[Reason]) -> Outcome:
    """The outcome of reasons: malicious if one is, else could not scan if there is any."""
    found = {reason.outcome for reason in reasons}
    if Outcome.MALICIOUS in found:
        return Outcome.MALICIOUS
    return Outcome.UNKNOWN if found else Outcome.CLEAN


@dataclass(frozen=True)
class Triage:
    """The triage of one file. `second`: what picklescan says, or why it was not asked."""

    file: str
    kind: str
    sha256: str
    size: int
    reasons: tuple[Reason, ...] = ()
    second: str = ""

    @property
    def outcome(self) -> Outcome:
        return outcome_of(self.reasons)

    def to_json(self) -> dict[str, Any]:
        return {
            "file": sentence(self.file, 300),
            "format": self.kind,
            "sha256": self.sha256,
            "size": self.size,
            "outcome": self.outcome.value,
            "reasons": [reason.to_json() for reason in self.reasons],
            "second_opinion": self.second,
        }


def kept(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The first reasons, malicious ones first."""
    ordered = sorted(reasons, key=lambda reason: reason.outcome is not Outcome.MALICIOUS)
    return tuple(ordered[:MOST_REASONS])
