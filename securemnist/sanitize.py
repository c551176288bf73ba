"""Text from outside, made harmless for each place that shows it.

Model names, tensor names, reasons, paths and policies are written by others. One function per place:
`line` and `block` for HTML and XML (whose escaping the template does), `terminal` and `sentence` for
terminals and CI logs, `markdown` and `markdown_code` for pull requests, `command` for a shell. They
handle control characters (ECMA-48, C0 and C1), characters that reorder or hide text
(https://trojansource.codes), stacked combining marks, workflow commands of CI systems, and length.
"""

from __future__ import annotations

import re
import shlex
import unicodedata

_MAX_MARKS = 3  # marks on one letter; living scripts need no more, a tower covers the line above

# What a CI system obeys in a log: `::error::` (GitHub), `##[error]` and `##vso[` (Azure),
# `##teamcity[`. GitHub reads it after leading blanks only; a terminal may break a line at any blank.
_WORKFLOW = re.compile(r"(^|\s):(?=:\S)|##(?=\[|vso\[|teamcity\[)", re.MULTILINE)

_MARKS = re.compile(r"[\\`*_\[\]|~$]|(?<=www)\.|:(?=/)")
_MENTIONS = re.compile(r"[@#]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def line(value: object, limit: int = 300) -> str:
    """`value` as one line of at most `limit` characters, then how many there were."""
    text = value if isinstance(value, str) else str(value)
    visible = " ".join(_visible(text[: 4 * limit].replace("\r\n", "\n")).split())
    shortened = f"{visible[:limit].rstrip()}… ({len(text):,} characters)"
    # What is longer by no more than the words about it stays whole.
    fits = len(visible) <= max(limit, len(shortened)) and len(text) <= 4 * limit
    return visible if fits else shortened


def block(value: object, limit: int = 400_000) -> str:
    """`value` with its line breaks and tabs, at most `limit` characters, then how many were."""
    text = (value if isinstance(value, str) else str(value)).replace("\r\n", "\n")
    visible = _visible(text[:limit])
    return visible if len(text) <= limit else f"{visible}\n… ({len(text):,} characters)"


def terminal(value: object, limit: int = 400_000) -> str:
    """`value` for a terminal or a CI log, line breaks kept: no escape sequence, no workflow command."""
    return _WORKFLOW.sub(lambda match: f"{match[0]} ", block(value, limit))


def sentence(value: object, limit: int = 4_000) -> str:
    """`value` for a terminal or a CI log as one line, so that it cannot forge a line of its own."""
    return _WORKFLOW.sub(lambda match: f"{match[0]} ", line(value, limit))


def markdown(value: object, limit: int = 400) -> str:
    """One line of text that Markdown, HTML, mentions and links leave alone."""
    escaped = _MARKS.sub(r"\\\g<0>", line(value, limit))
    escaped = re.sub(r"[&<>]", lambda match: _ENTITIES[match[0]], escaped)
    # GitHub looks for @names and #numbers in the finished text: a zero-width space ends them.
    return _MENTIONS.sub(r"\g<0>&#8203;", escaped)


def markdown_code(value: object, limit: int = 2_000) -> str:
    """One line as a code span inside a table: it shows `value` itself, backticks included.

    A fence one backtick longer than any inside (CommonMark 6.1); a bar needs a backslash in a table.
    """
    visible = _visible(str(value)[:limit].replace("\r\n", "\n")).replace("\n", " ")
    if not visible.strip():
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", visible)), default=0))
    pad = " " if visible[0] in " `" or visible[-1] in " `" else ""
    return f"{fence}{pad}{visible.replace('|', chr(92) + '|')}{pad}{fence}"


def command(value: str, program: tuple[str, ...] = ("securemnist", "assess")) -> str:
    """`value` as a shell command of ours that can be pasted; "" where it is anything else.

    Each word is quoted again, so that nothing of a stored command runs but `program` itself.
    """
    try:
        words = shlex.split(value)
    except ValueError:
        return ""
    quoted = shlex.join(words)
    is_ours = tuple(words[: len(program)]) == program and len(value) <= 4_000
    return quoted if is_ours and "\n" not in quoted and terminal(quoted) == quoted else ""


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
    """The character itself where it can be seen, else something that says what it is."""
    if char in "\n\t\N{NO-BREAK SPACE}" or (char.isprintable() and not covered):
        return char
    if unicodedata.category(char) == "Zs":
        return " "
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return f"<U+{code:04X}>"
