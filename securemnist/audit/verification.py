"""Verification: every line, signature and end of a log, up to the first damage."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from securemnist._util.files import expecting
from securemnist.audit import checkpoint, keys
from securemnist.audit import folder as names
from securemnist.audit.damage import Damage, Place, classified
from securemnist.audit.line import BEGINNING, Line, parse
from securemnist.errors import ParseError, UsageError

_AHEAD = 1_000  # lines that are read to say what kind of damage it is


@dataclass(frozen=True)
class Verification:
    """What was found.

    `first`, `last`: numbers of the first and last line that are as written; `signed`: the number of the
    last checkpoint among them; `unstopped`: numbers of lines where a writer began while the one before
    had not stopped, each with the number of the last signed line; `stopped`: whether the last writer
    has stopped, which its signature shows; `damage`: the first damage, or None.
    """

    first: int
    last: int
    signed: int
    unstopped: tuple[tuple[int, int], ...]
    stopped: bool
    damage: Damage | None

    @property
    def whole(self) -> bool:
        """Whether every line is as written and covered by a signature."""
        return self.damage is None and self.signed == self.last


class _Chain:
    """Lines up to now. `about` is the id of the log, its key and its format."""

    def __init__(self, key: str, first: int) -> None:
        self.key, self.first, self.number = key, first, first - 1
        self.before: Place | None = None
        self.about: tuple[object, ...] | None = None
        self.signed = first - 1
        self.unstopped: list[tuple[int, int]] = []
        self.stopped = True  # as if before the first line
        self.heads: dict[int, str] = {}

    def damage(self, place: Place, rest: Iterator[Place]) -> Damage | None:
        """None after the line was added; else what is wrong with it."""
        line = place.line
        if line is None or line.number != self.number + 1 or not self._linked(line):
            ahead = itertools.islice(rest, _AHEAD if line is not None else 0)
            after = [_light(place) for place in ahead]
            return classified(place, self.before, after, self.number + 1)
        if (reason := self._wrong(line)) is not None:
            # A wrong signature shows that some line after the checkpoint before was written anew.
            first = min(self.signed + 1, line.number) if line.kind == "checkpoint" else line.number
            return Damage("changed", first, place.where, reason)
        self.number, self.before = line.number, place
        if line.number in self.heads:
            self.heads[line.number] = line.digest
        return None

    def _linked(self, line: Line) -> bool:
        """Whether a line names the one before it; what the first one of a kept rest names is unknown."""
        if self.before is not None and self.before.line is not None:
            return line.previous == self.before.line.digest
        return self.first > 1 or line.previous == BEGINNING

    def _wrong(self, line: Line) -> str | None:
        if line.kind in ("start", "segment") or self.about is None:
            about = tuple(line.content.get(name) for name in ("log", "key", "format"))
            if line.kind not in ("start", "segment") or self.about not in (None, about):
                return "it is of another log"
            self.about = about
            if not all(isinstance(text, str) for text in about[:2]):
                return "it names no log and no key"
            if about[1] != self.key:
                return "it names another key than the one that verifies"
            if line.kind == "start" and not self.stopped:
                self.unstopped.append((line.number, self.signed))
        if line.kind != "checkpoint":
            self.stopped = False
        else:
            if not checkpoint.signed(line, str((self.about or ("",))[0]), self.key):
                return f"the signature of line {line.number} does not fit"
            # A writer signs its end at once: who cuts off lines cannot write an end instead of them.
            self.stopped = _kind(self.before) == "stop"
            self.signed = line.number
        return None


def _kind(place: Place | None) -> str:
    return place.line.kind if place is not None and place.line is not None else ""


def verify(
    folder: Path, *, key: Path | None = None, head: Path | None = None, first: int = 1
) -> Verification:
    """The log in `folder`, verified by a public key (default: the one beside it).

    `head`: a copy of `head.json` kept elsewhere. `first`: the first line that has to be there, where
    older files were deleted on purpose. UsageError where there is no log, key or head.
    """
    public = keys.public_key(key or folder / keys.PUBLIC)
    if head is not None and _head(head) is None:
        raise UsageError(f"{head}: expected a copy of {names.HEAD}, got none; pass one")
    with expecting(folder, "the folder of an audit log", "name another"):
        files = names.segments(folder)
    if not files:
        raise UsageError(f"{folder}: expected an audit log, got no file of one; name its folder")
    heads = [folder / names.HEAD, *([head] if head else [])]
    return verify_places(places(files), public, heads, first)


def verify_places(
    lines: Iterable[Place], key: str, heads: Iterable[Path], first: int = 1
) -> Verification:
    """Lines in their order, verified by a hexadecimal public key and by copies of the head."""
    chain, rest = _Chain(key, first), iter(lines)
    known = [(path, _head(path)) for path in heads]
    chain.heads = {line.number: "" for _, line in known if line is not None}
    damage = None
    for place in rest:
        if (damage := chain.damage(place, rest)) is not None:
            break
    for path, line in known:
        damage = damage or _cut(chain, path, line)
    spans = tuple(chain.unstopped)
    return Verification(first, chain.number, chain.signed, spans, chain.stopped, damage)


def _cut(chain: _Chain, path: Path, head: Line | None) -> Damage | None:
    """The damage that a copy of the head shows: fewer lines than it says, or others."""
    after = chain.number + 1
    where = chain.before.where if chain.before else "no line"
    if head is None:
        return Damage("cut off", after, where, f"the head {path.name} is missing or damaged")
    if not checkpoint.signed(head, str((chain.about or ("",))[0]), chain.key):
        return Damage("cut off", after, where, f"the head {path.name} is not signed for this log")
    if head.number > chain.number:
        detail = f"the head {path.name} has signed {head.number} lines"
        return Damage("cut off", after, where, detail)
    if chain.heads[head.number] != head.digest and head.number >= chain.first:
        return Damage("changed", head.number, path.name, "the head has signed another line")
    return None


def _light(place: Place) -> Place:
    """A place without the content of its line, which may be large."""
    line = place.line and replace(place.line, content={}, text=b"")
    return replace(place, line=line)


def _head(path: Path) -> Line | None:
    try:
        return names.read_head(path)
    except (OSError, ParseError):
        return None


def places(files: Iterable[Path]) -> Iterator[Place]:
    """The lines of the files in order."""
    for path in files:
        for count, text in enumerate(names.texts(path), 1):
            yield place(f"{path.name}:{count}", text)


def place(where: str, text: bytes) -> Place:
    """A line with its line break, at a place."""
    if not text.endswith(b"\n"):
        cut = "it is not complete: it is being written, or the next start keeps it aside"
        return Place(where, None, cut)
    try:
        return Place(where, parse(text[:-1]))
    except ParseError as error:
        return Place(where, None, str(error))
