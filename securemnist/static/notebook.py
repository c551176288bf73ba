"""Jupyter notebooks: the Python of code cells, with IPython syntax replaced.

Formats 3 and 4 (nbformat). Lines keep their order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from securemnist.static.issue import Issue, not_read
from securemnist.static.reading import NotRead, ReadResult, SourceFile, parsed, python_text

_LINE = re.compile(r"^(?P<indent>\s*)(?P<target>[\w.,\s]+=\s*)?(?P<sign>!!?|%)(?P<rest>.*)$")
_HELP = re.compile(r"^(?P<indent>\s*)(\?{1,2}\s*[\w.*]+|[%\w.*]+\s*\?{1,2})\s*$")
# Line magics whose argument is Python, after options such as `-n 10`.
_TIMERS = re.compile(r"^(time|timeit|prun|memit|mprun|lprun|debug)\s+((-\w+\s*\d*|-f\s+\w+)\s+)*")
_WITH_STATEMENT = ("timeit", "memit", "debug")
# Cell magics of other languages; the cell of any other magic has to be Python.
_OTHER_LANGUAGES = {
    *("bash", "cmd", "css", "html", "HTML", "javascript", "js", "latex", "markdown", "perl", "R"),
    *("ruby", "script", "sh", "sql", "svg", "SVG", "sx", "system"),
}
_SCRIPT_OF_PYTHON = re.compile(r"%%script\s.*(python|pypy)", re.IGNORECASE)


def read(name: str, content: bytes, digest: str) -> ReadResult:
    """The Python of a notebook; NotRead where it is malformed.

    A cell that is not Python after IPython syntax is replaced is an issue. Notebooks and cells in
    another language are excluded.
    """
    try:
        notebook = json.loads(content)
        cells = list(_cells(notebook)) if _is_python(notebook) else None
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise NotRead(
            f"expected a Jupyter notebook, got {type(error).__name__} ({error})"
        ) from error
    if cells is None:
        return ReadResult(excluded=(f"{name} (notebook in another language than Python)",))
    lines: list[str] = []
    places: list[tuple[int, int]] = []
    unread: list[Issue] = []
    excluded: list[str] = []
    for number, source in cells:
        try:
            text = _python(source)
        except NotRead as error:
            content_of_cell = f"cell {number} of {digest}"
            unread.append(not_read(name, f"cell {number}: {error}", content=content_of_cell))
            continue
        if text is None:
            magic = source.lstrip().split(maxsplit=1)[0]
            excluded.append(f"{name}, cell {number} ({magic}) (another language than Python)")
            continue
        new = text.split("\n")
        lines += new
        places += [(number, line) for line in range(1, len(new) + 1)]
    source_file = SourceFile(name, "\n".join(lines) + "\n", digest, tuple(places))
    return ReadResult(source_file, tuple(unread), tuple(excluded))


def _is_python(notebook: Any) -> bool:
    """Whether the notebook's kernel is Python; a missing language counts as Python."""
    metadata = notebook.get("metadata") or {}
    kernel = metadata.get("kernelspec") or {}
    language = metadata.get("language_info") or {}
    languages = [word for word in (kernel.get("language"), language.get("name")) if word]
    # The name of a kernel may be any; one without a language may be of Python.
    words = [*languages, kernel.get("name")]
    return not languages or any("python" in str(word).lower() for word in words)


def _cells(notebook: Any) -> Iterator[tuple[int, str]]:
    """Number (from 1, of all cells) and source of each code cell."""
    sheets = notebook.get("worksheets", [])
    cells = [*notebook.get("cells", []), *(cell for sheet in sheets for cell in sheet["cells"])]
    if "cells" not in notebook and not sheets:
        raise KeyError("cells")
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] == "code":
            # Format 3 runs `input`, format 4 `source`.
            for source in (cell[key] for key in ("source", "input") if key in cell):
                yield number, source if isinstance(source, str) else "".join(source)


def _python(source: str) -> str | None:
    """The Python of a cell; None for another language. NotRead where it is neither."""
    try:
        return python_text(source.encode())
    except (NotRead, UnicodeEncodeError):
        pass  # not plain Python; it may contain magics
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    first, newline, rest = source.lstrip().partition("\n")
    if first.startswith("%%"):
        magic = first[2:].split(maxsplit=1)[0] if first[2:].strip() else ""
        other = magic in _OTHER_LANGUAGES and not _SCRIPT_OF_PYTHON.match(first)
        if other or magic.startswith("!"):
            return None
        if magic in ("writefile", "file") and not first.rstrip().lower().endswith(".py"):
            return None
        before = "\n" * (source.count("\n") - f"{newline}{rest}".count("\n"))
        source = f"{before}{_statement(first, magic)}{newline}{rest}"
    text = "\n".join(_python_line(line) for line in _joined_lines(source))
    parsed(text)
    return python_text(text.encode(errors="replace"))


def _statement(first: str, magic: str) -> str:
    """The Python behind a cell magic on its line, such as the setup of `%%timeit`; else nothing."""
    options = _TIMERS.match(f"{first[2:]} ") if magic in _WITH_STATEMENT else None
    return first[2 + options.end() :] if options else ""


def _joined_lines(source: str) -> list[str]:
    """Lines, where a shell command ending in a backslash is joined with the next line."""
    lines: list[str] = []
    pending = ""
    blank = 0
    for line in source.split("\n"):
        line = pending + line
        pending = ""
        if line.lstrip().startswith(("!", "%")) and line.endswith("\\"):
            pending, blank = line[:-1], blank + 1
            continue
        lines += [line, *[""] * blank]
        blank = 0
    return [*lines, *([pending] if pending else [])]


def _python_line(line: str) -> str:
    if help_line := _HELP.match(line):
        return f"{help_line['indent']}pass"
    match = _LINE.match(line)
    if match is None:
        return line
    start, rest = match["indent"] + (match["target"] or ""), match["rest"].strip()
    if match["sign"] != "%":
        return f"{start}get_ipython().system({rest!r})"
    if timer := _TIMERS.match(rest):
        return match["indent"] + rest[timer.end() :]
    name, _, argument = rest.partition(" ")
    return f"{start}get_ipython().run_line_magic({name!r}, {argument!r})"
