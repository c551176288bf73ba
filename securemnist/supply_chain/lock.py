"""Locks: files that pin each dependency to one version whose files are fixed by hashes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from securemnist.results.evidence.supply_chain import SupplyCheck

# Hexadecimal digits of a digest. MD5 and SHA-1 are not among them: collisions can be computed.
_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
_UNDEFINED = (UndefinedComparison, UndefinedEnvironmentName)
MOST_ENTRIES = 10_000  # of one lock: all of them are evidence of the row
# Of a requirement or a version. Python reads no number of more than 4,300 digits: ValueError.
MOST_CHARACTERS = 4_000
PINNED = "one version, and hashes of its files"


@dataclass(frozen=True)
class Pin:
    """A package of a lock: its normalised name, its version ("" without one), `file:line`.

    `applies`: whether its marker holds here, so that an installation would take it. `digests`: of its
    files, in hexadecimal digits.
    """

    name: str
    version: str
    place: str
    applies: bool = True
    digests: frozenset[str] = frozenset()


@dataclass
class Lock:
    """What a lock says: its pins, and a check of each of its entries.

    `unread`: those of the checks about files, or packages, that could not be read.
    """

    path: str
    pins: list[Pin] = field(default_factory=list)
    checks: list[SupplyCheck] = field(default_factory=list)
    unread: list[SupplyCheck] = field(default_factory=list)

    def pin(
        self,
        name: str,
        version: str,
        place: str,
        wrong: str = "",
        *,
        applies: bool = True,
        digests: Iterable[str] = (),
    ) -> None:
        """Add a package; `wrong` is what it has instead of a version with hashes."""
        known = frozenset(digest.lower() for digest in digests if digest)
        self.pins.append(Pin(canonicalize_name(name), version, place, applies, known))
        self._add(name, place, PINNED, wrong or f"{version}, with hashes", holds=not wrong)

    def refuse(self, name: str, found: str, place: str = "", expected: str = PINNED) -> None:
        """Add a check that does not hold."""
        self._add(name, place or self.path, expected, found, holds=False)

    def refuse_unread(self, name: str, found: str, expected: str, place: str = "") -> None:
        """Add a check that does not hold, for something that could not be read."""
        self.refuse(name, found, place, expected)
        self.unread.append(self.checks[-1])

    def refuse_many(self) -> None:
        """Add a check that does not hold, for entries beyond `MOST_ENTRIES`."""
        self.refuse_unread(self.path, "more", f"at most {MOST_ENTRIES:,} entries")

    def _add(self, name: str, place: str, expected: str, found: str, *, holds: bool) -> None:
        self.checks.append(SupplyCheck(name, place, expected, found, holds))


def requirement(text: object) -> Requirement | None:
    """A requirement as PEP 508 writes it, whose marker can be judged; None for anything else.

    None as well for one of more than `MOST_CHARACTERS`.
    """
    if not isinstance(text, str) or len(text) > MOST_CHARACTERS:
        return None
    try:
        found = Requirement(text)
        applies(found.marker)
    except (InvalidRequirement, RecursionError, *_UNDEFINED):
        return None
    return found


def applies(marker: Marker | None, extra: str = "") -> bool:
    """Whether a marker holds here, with this extra."""
    return marker is None or marker.evaluate({"extra": extra})


def is_strong_hash(algorithm: object, digest: object) -> bool:
    """Whether this is a digest of SHA-256, SHA-384 or SHA-512 in hexadecimal digits."""
    if not isinstance(algorithm, str) or not isinstance(digest, str):
        return False
    digits = all(sign in "0123456789abcdefABCDEF" for sign in digest)
    return digits and len(digest) == _DIGITS.get(algorithm)
