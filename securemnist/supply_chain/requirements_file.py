"""Requirements files of pip: each line has to pin one version and give hashes.

Format: pip's documentation, "Requirements File Format" and "Secure installs".
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from securemnist._util.files import read_at_most
from securemnist._util.parsing import decoded
from securemnist.errors import ParseError
from securemnist.supply_chain.lock import (
    MOST_ENTRIES,
    PINNED,
    Lock,
    applies,
    is_strong_hash,
    requirement,
)

_MAX_BYTES = 16 << 20
_MAX_FILES = 50
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_HASH = re.compile(r"\s--hash[=\s]\s*([^\s:]+):(\S+)")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
# A short option has no `=`: pip would take that for a part of the value.
_OPTION = re.compile(r"(-[a-z]|--[a-z][a-z-]*)(?:\s+|(?<=[a-z]{2})=|$)(.*)")
# One word at most: in further ones pip looks for options, and it removes quotes and backslashes.
_VALUE = re.compile(r"(?:[^\s\"'\\$-][^\s\"'\\$]*)?")
_ENCODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
# Options that neither install anything nor allow what a hash forbids.
_HARMLESS = (
    "--require-hashes",
    "--no-binary",
    "--only-binary",
    "--prefer-binary",
    "--pre",
    "--no-index",
)
# What pip uses anyway; `pipenv requirements --hash` writes it out.
_DEFAULT_INDEX = "https://pypi.org/simple"
_INCLUDES = ("-r", "--requirement")
_CONSTRAINTS = ("-c", "--constraint")


def read(folder: Path, name: str) -> Lock:
    """The pins of a requirements file in `folder`, and of the files inside `folder` that it includes.

    A file that is missing, unreadable or outside of `folder`, and every line that is not understood,
    is a check that does not hold.
    """
    lock = Lock(name)
    waiting, known = [name], {name}
    while waiting:
        name = waiting.pop()
        content = _content(folder, name, lock)
        for place, text in _logical_lines(name, content):
            if len(lock.checks) >= MOST_ENTRIES:
                lock.refuse_many()
                return lock
            for included in _read_line(lock, place, text):
                inside = _inside(name, included)
                if inside is None or len(known) >= _MAX_FILES:
                    lock.refuse_unread(included, "another file", "a file of the project", place)
                elif inside not in known:
                    known.add(inside)
                    waiting.append(inside)
    _refuse_two_versions(lock)
    if not lock.checks:
        lock.refuse_unread(lock.path, "no packages", "a list of packages")
    return lock


def _content(folder: Path, name: str, lock: Lock) -> str:
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ParseError("a link that leads out of the project")
        content = read_at_most(path, _MAX_BYTES)
        _refuse_other_encoding(content)
        return decoded(content)
    except OSError as error:
        lock.refuse_unread(name, str(error.strerror), "a file that can be read")
    except ParseError as error:
        lock.refuse_unread(name, str(error), "UTF-8 text inside the project")
    return ""


def _refuse_other_encoding(content: bytes) -> None:
    """ParseError for a comment that has pip read the file in another encoding than UTF-8."""
    for text in content.split(b"\n")[:2]:
        named = _ENCODING.search(text) if text.startswith(b"#") else None
        if named is not None and named[1].lower() not in (b"utf-8", b"utf8", b"ascii"):
            raise ParseError(f"text in the encoding {named[1].decode(errors='replace'):.40}")


def _refuse_two_versions(lock: Lock) -> None:
    """Refuse a package that has two versions here, of which an installation takes either."""
    versions: dict[str, dict[str, str]] = {}
    for pin in lock.pins:
        if pin.applies:
            versions.setdefault(pin.name, {}).setdefault(pin.version, pin.place)
    for name, places in versions.items():
        if len(places) > 1:
            lock.refuse(name, " and ".join(map(repr, places))[:200], list(places.values())[-1])


def _logical_lines(name: str, content: str) -> Iterator[tuple[str, str]]:
    """Lines without comments, joined where they end with a backslash, each with its `file:line`."""
    parts: list[str] = []
    first = 1
    # Lines end where pip ends them: also at a form feed, for instance, inside a comment.
    for number, text in enumerate([*content.splitlines(), ""], start=1):
        first = first if parts else number
        comment = text.lstrip().startswith("#")  # it ends a continued line, too
        if text.endswith("\\") and not comment:
            parts.append(text[:-1])
            continue
        joined = "".join([*parts, " " if comment else "", text])
        parts = []
        if joined := _COMMENT.sub("", joined).strip():
            yield f"{name}:{first}", joined
    if parts:
        yield f"{name}:{first}", "".join(parts).strip()


def _inside(name: str, included: str) -> str | None:
    """The included file relative to the project; None for one that is outside."""
    path = os.path.normpath(os.path.join(os.path.dirname(name), included))
    outside = os.path.isabs(path) or path.split(os.sep)[0] == os.pardir or "\0" in path
    return None if outside or ":" in included else path


def _read_line(lock: Lock, place: str, text: str) -> Iterator[str]:
    """Add what a line says to the lock; yields the file that it includes."""
    if text.startswith("-"):
        match = _OPTION.fullmatch(text)
        option, value = (match[1], match[2].strip()) if match else (text, "")
        one_word = _VALUE.fullmatch(value) is not None
        if option in _INCLUDES and value and one_word:
            yield value
        elif option == "-i" and value.rstrip("/") == _DEFAULT_INDEX:
            return
        elif option not in (*_HARMLESS, *_CONSTRAINTS) or not one_word:
            lock.refuse(option, text, place, "no other option, index or folder")
        return
    hashes = _HASH.findall(text)
    bare = _HASH.sub("", text).strip()
    wanted = requirement(bare)
    if _VARIABLE.search(text) or wanted is None:
        lock.refuse_unread(bare.split()[0], text, PINNED, place)
    elif wanted.url is not None:  # whatever version lies there
        address = f"the address {wanted.url}"
        lock.pin(wanted.name, "", place, address, applies=applies(wanted.marker))
    else:
        exact = [one.version for one in wanted.specifier if one.operator in ("==", "===")]
        pinned = len(wanted.specifier) == 1 and bool(exact) and not exact[0].endswith(".*")
        lock.pin(
            wanted.name,
            exact[0] if pinned else "",
            place,
            _wrong(str(wanted.specifier), hashes, pinned=pinned),
            applies=applies(wanted.marker),
            digests=[digest for _, digest in hashes],
        )


def _wrong(specifier: str, hashes: list[tuple[str, str]], *, pinned: bool) -> str:
    """What a requirement has instead of one version and hashes; "" where it has them."""
    if not pinned:
        return f"{specifier or 'any version'}"
    weak = [algorithm for algorithm, digest in hashes if not is_strong_hash(algorithm, digest)]
    if weak:
        return f"{specifier}, with a digest that is no SHA-256, SHA-384 or SHA-512 ({weak[0]})"
    return "" if hashes else f"{specifier}, without hashes"
