"""Sanitising of untrusted text for the place that shows it.

Model names, tensor names, reasons, paths and policies come from outside. `line` and `block` are for
HTML and XML, whose templates escape. `terminal` and `sentence` are for terminals and CI logs,
`markdown` and `markdown_code` for pull requests, `command` for a shell. They replace control
characters (ECMA-48, C0 and C1) and characters that reorder or hide text
(https://trojansource.codes). They also replace stacked combining marks and workflow commands of CI
systems, and limit the length.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from html import escape

# Combining marks on one letter. No living script needs more, and stacks cover the line above.
_MAX_MARKS = 3
# Characters of a text with line breaks, of a cell, of a code span, and of a command.
_LONGEST_BLOCK, _LONGEST_CELL, _LONGEST_CODE, _LONGEST_COMMAND = 400_000, 400, 2_000, 4_000

# Workflow commands in a log: `::error::` (GitHub), `##[error]` and `##vso[` (Azure), `##teamcity[`.
# GitHub accepts leading blanks; a terminal may break a line at any blank.
_WORKFLOW = re.compile(r"(^|\s):(?=:\S)|##(?=\[|vso\[|teamcity\[)", re.MULTILINE)

_MARKS = re.compile(r"[\\`*_\[\]|~$]|(?<=www)\.|:(?=/)")
_MENTIONS = re.compile(r"[@#]")
# Letters to Unicode, blank to the eye: the fillers of Hangul.
_FILLERS = "\u115f\u1160\u3164\uffa0"


def line(value: object, limit: int = 300) -> str:
    """`value` as one line of at most `limit` characters; a longer one ends with its full length."""
    text = value if isinstance(value, str) else str(value)
    visible = " ".join(_visible(text[: 4 * limit].replace("\r\n", "\n")).split())
    shortened = f"{visible[:limit].rstrip()}… ({len(text):,} characters)"
    # Shortening must not make the text longer than it was.
    fits = len(visible) <= max(limit, len(shortened)) and len(text) <= 4 * limit
    return visible if fits else shortened


def block(value: object, limit: int = _LONGEST_BLOCK) -> str:
    """`value` with its line breaks and tabs; cut at `limit` characters, then with its full length."""
    text = (value if isinstance(value, str) else str(value)).replace("\r\n", "\n")
    visible = _visible(text[:limit])
    return visible if len(text) <= limit else f"{visible}\n… ({len(text):,} characters)"


def terminal(value: object) -> str:
    """`value` for a terminal or a CI log: line breaks stay, escape sequences and commands do not."""
    return _WORKFLOW.sub(r"\g<0> ", block(value))


def sentence(value: object, limit: int = 4_000) -> str:
    """`value` for a terminal or a CI log as one line, so that it cannot forge another line."""
    return _WORKFLOW.sub(r"\g<0> ", line(value, limit))


def markdown(value: object) -> str:
    """`value` as one line in which Markdown, HTML, mentions and links have no effect."""
    escaped = escape(_MARKS.sub(r"\\\g<0>", line(value, _LONGEST_CELL)), quote=False)
    # GitHub looks for @names and #numbers in the rendered text; a zero-width space prevents a match.
    return _MENTIONS.sub(r"\g<0>&#8203;", escaped)


def markdown_code(value: object) -> str:
    """`value` as one line in a code span of a table, backticks included.

    The fence is one backtick longer than any inside (CommonMark 6.1); a bar needs a backslash in a
    table.
    """
    visible = _visible(str(value)[:_LONGEST_CODE].replace("\r\n", "\n")).replace("\n", " ")
    if not visible.strip():
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", visible)), default=0))
    pad = " " if visible[0] in " `" or visible[-1] in " `" else ""
    return f"{fence}{pad}{visible.replace('|', chr(92) + '|')}{pad}{fence}"


def command(value: str, program: tuple[str, ...] = ("securemnist", "assess")) -> str:
    """`value` as a shell command of `program` that can be pasted; "" for any other command.

    Each word is quoted again, so that a stored command runs nothing but `program`.
    """
    if len(value) > _LONGEST_COMMAND:  # splitting takes time
        return ""
    try:
        words = shlex.split(value)
    except ValueError:
        return ""
    quoted = shlex.join(words)
    is_ours = tuple(words[: len(program)]) == program
    return quoted if is_ours and "\n" not in quoted and terminal(quoted) == quoted else ""


def hides(text: str) -> bool:
    """Whether it has characters that a page would replace; blanks of any width are not among them."""
    blanks = "".join(" " if unicodedata.category(sign) == "Zs" else sign for sign in text)
    return _visible(blanks) != blanks


def readable(text: str) -> str:
    """The text; ValueError where it holds no letter or digit, or only invisible ones."""
    if not any(sign.isalnum() and sign not in _FILLERS for sign in text):
        raise ValueError(f"expected words that can be read, got {text!r:.40}; write them")
    return text


def _visible(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    characters = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        characters.append(_visible_character(char, covered=marks > _MAX_MARKS))
    return "".join(characters)


def _visible_character(char: str, *, covered: bool) -> str:
    """The character if it is visible, else a visible replacement for it."""
    if char in "\n\t\N{NO-BREAK SPACE}" or (char.isprintable() and not covered):
        return char
    if unicodedata.category(char) == "Zs":
        return " "
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return f"<U+{code:04X}>"
