"""A notebook as a page: its text, its code, and its outputs as they were stored."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_FENCE = "````"  # longer than that of an example inside of an output


def convert(path: Path) -> Path:
    """Write the notebook `path` as a Markdown page beside it, with its pictures; the path of the page."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    parts: list[str] = []
    for number, cell in enumerate(notebook["cells"]):
        source = _text(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif cell["cell_type"] == "code":
            parts.append(_fenced(source, "python"))
            parts += _outputs(cell.get("outputs", []), path.with_name(f"{path.stem}-{number}"))
    page = path.with_suffix(".md")
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return page


def _outputs(outputs: list[dict[str, Any]], stem: Path) -> Iterator[str]:
    """The outputs of a cell; of several forms of one output the richest."""
    for number, output in enumerate(outputs):
        data = output.get("data", {})
        picture = stem.with_name(f"{stem.name}-{number}.png")
        if output["output_type"] == "stream":
            yield _fenced(_text(output["text"]), "text")
        elif "text/html" in data:
            lines = filter(str.strip, _text(data["text/html"]).splitlines())
            yield "\n".join(['<div class="output">', *lines, "</div>"])
        elif "image/png" in data:
            picture.write_bytes(base64.b64decode(_text(data["image/png"])))
            yield f"![Output of the cell above]({picture.name})"
        elif "text/plain" in data:
            yield _fenced(_text(data["text/plain"]), "text")
        else:
            found = ", ".join(data) or output["output_type"]
            raise ValueError(
                f"{stem.name}: expected HTML, PNG or text, got {found}; run the notebook again"
            )


def _fenced(text: str, language: str) -> str:
    return f"{_FENCE}{language}\n{text.rstrip()}\n{_FENCE}"


def _text(lines: str | list[str]) -> str:
    """A text of a notebook, which may be a list of lines."""
    return lines if isinstance(lines, str) else "".join(lines)
