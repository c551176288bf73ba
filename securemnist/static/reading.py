"""A Python file as the tools read it: its text as Python reads it, with any encoding and line ends.

Bandit and Semgrep decode files in their own ways. An encoding or a line end that they treat
differently from Python turns code into a comment. They read this text instead of the file.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import unicodedata
import warnings
from dataclasses import dataclass
from typing import NamedTuple

from securemnist.static.issue import Issue

# PEP 263: a comment in the first two lines names the encoding.
_COOKIE = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*[-\w.]+")
_FORM_FEED = re.compile(r"^[ \t\f]*\f", re.MULTILINE)
_WORD = re.compile(r"\w+")
_PTH_CODE = re.compile(r"import[ \t]")


class NotRead(Exception):
    """A file, or a part of it, that cannot be given to the tools as Python reads it."""


def python_text(content: bytes) -> str:
    """The UTF-8 text, with newlines only, that Python runs for this content.

    Raises NotRead where Python cannot parse the file, or where the text is another program.
    """
    tree = parsed(content)
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(lines).readline)
        text = lines.decode(encoding)
        text.encode()  # a lone surrogate cannot be encoded
    except (SyntaxError, ValueError, LookupError) as error:
        raise NotRead(f"expected text that can be decoded, got {error}") from error
    # Python ignores text before a form feed in the indentation; Semgrep does not.
    text = _FORM_FEED.sub("", _without_cookie(text))
    same = text.encode() == content  # of most files; a comparison of programs takes longer
    if not same and ast.dump(parsed(text.encode())) != ast.dump(tree):
        raise NotRead("its encoding or its line ends hide code from the tools")
    return _WORD.sub(_as_identifier, text)


def parsed(content: bytes | str) -> ast.Module:
    """The syntax tree; NotRead where Python cannot parse the source."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape is a warning, not an error
            return ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotRead(f"Python cannot parse it: {type(error).__name__} ({error})") from error


def pth_text(content: bytes) -> str:
    """The lines of a path configuration file (.pth) that `site` runs; the others become comments."""
    lines = (line if _PTH_CODE.match(line) else "#" for line in _pth_lines(content))
    return python_text("\n".join(lines).encode(errors="surrogateescape"))


def holds_pth_code(content: bytes) -> bool:
    """Whether a .pth file is a path configuration with code, not network weights."""
    return any(map(_PTH_CODE.match, _pth_lines(content))) and not _is_binary(content)


def _pth_lines(content: bytes) -> list[str]:
    """Lines as `site` of Python 3.13 ends them, also at a form feed, and without a mark of UTF-8."""
    return content.decode("utf-8-sig", "surrogateescape").splitlines()


def _is_binary(content: bytes) -> bool:
    """Whether `site` cannot read a file; it runs text with a NUL in another line."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return b"\0" in content
    return False


def _without_cookie(text: str) -> str:
    """The text without its encoding declaration, which no longer applies; line numbers stay."""
    lines = enumerate(text.split("\n", 2))
    return "\n".join("#" if k < 2 and _COOKIE.match(line) else line for k, line in lines)


def _as_identifier(match: re.Match[str]) -> str:
    """A name that Python normalises to ASCII (PEP 3131, NFKC), in its normalised form."""
    word = match[0]
    if word.isascii():
        return word
    plain = unicodedata.normalize("NFKC", word)
    return plain if plain.isascii() and plain.isidentifier() else word


@dataclass(frozen=True)
class SourceFile:
    """Python text of a file, its name in the project, and the digest of its content.

    `places`: for a notebook, (cell, line) of each line of the text; empty otherwise.
    """

    name: str
    text: str
    digest: str
    places: tuple[tuple[int, int], ...] = ()

    def code(self, first: int, last: int) -> str:
        """Lines `first` to `last` (from 1) with white space folded."""
        return " ".join(" ".join(self.text.split("\n")[first - 1 : last]).split())

    def place(self, line: int) -> str:
        """Cell and line of a notebook for a line of the text; empty for other files."""
        if not 1 <= line <= len(self.places):
            return ""
        cell, number = self.places[line - 1]
        return f" (cell {cell}, line {number})"


class ReadResult(NamedTuple):
    """Result of reading one file: its source, issues for unread parts, and exclusions."""

    source_file: SourceFile | None = None
    unread: tuple[Issue, ...] = ()
    excluded: tuple[str, ...] = ()
