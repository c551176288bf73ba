"""A page in sections, each of which is written anew without touching the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from securemnist._util.resources import write_atomically


def store(page: Path, name: str, lines: Sequence[str]) -> None:
    """Put the section `name` in its place on a page, or at its end where it is new.

    A section lies between two comments, which the rendered page does not show.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = "\n".join([begin, "", *lines, end])
    text = page.read_text(encoding="utf-8")
    if begin in text and end in text:
        pattern = re.escape(begin) + ".*?" + re.escape(end)
        text = re.sub(pattern, lambda _: section, text, count=1, flags=re.DOTALL)
    else:
        text = f"{text.rstrip()}\n\n{section}\n"
    write_atomically(page, text.encode())
