"""Text from outside, made fit to show: nothing invisible, nothing endless.

Model names, reasons, paths and policies are written by others. Escaping is the business of each
output (HTML, Markdown, terminal); what no escaping touches is handled here: control characters,
characters that reorder or hide text (https://trojansource.codes), towers of combining marks that
paint over their neighbours, and length.
"""

from __future__ import annotations

import unicodedata

_STACKED = 3  # marks on one letter; living scripts need no more, a tower covers the line above


def line(value: object, limit: int = 300) -> str:
    """`value` as one line of at most `limit` characters, then how many there were."""
    text = value if isinstance(value, str) else str(value)
    shown = " ".join(_visible(text[: 4 * limit].replace("\r\n", "\n")).split())
    cut = f"{shown[:limit].rstrip()}… ({len(text):,} characters)"
    # What is longer by no more than the words about it stays whole.
    return shown if len(shown) <= max(limit, len(cut)) and len(text) <= 4 * limit else cut


def block(value: object, limit: int = 400_000) -> str:
    """`value` with its line breaks and tabs, at most `limit` characters, then how many were."""
    text = (value if isinstance(value, str) else str(value)).replace("\r\n", "\n")
    shown = _visible(text[:limit])
    return shown if len(text) <= limit else f"{shown}\n… ({len(text):,} characters)"


def _visible(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    shown = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        shown.append(_picture(char, covered=marks > _STACKED))
    return "".join(shown)


def _picture(char: str, *, covered: bool) -> str:
    """The character itself where it can be seen, else something that says what it is."""
    if char in "\n\t\N{NO-BREAK SPACE}" or (char.isprintable() and not covered):
        return char
    if unicodedata.category(char) == "Zs":
        return " "
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return f"<U+{code:04X}>"
