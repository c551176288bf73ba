"""Notebooks as pages of the site."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.documentation import notebook, site
from tests.documentation.test_site import write

PICTURE = base64.b64encode(b"\x89PNG").decode()


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    """A cell of code with its stored outputs."""
    return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def result(**data: Any) -> dict[str, Any]:
    """An output by the names of its forms: text_plain, text_html, image_png."""
    return {
        "output_type": "execute_result",
        "data": {key.replace("_", "/"): value for key, value in data.items()},
    }


def save(path: Path, *cells: dict[str, Any]) -> Path:
    """A notebook of these cells."""
    path.write_text(json.dumps({"cells": list(cells), "nbformat": 4}))
    return path


def test_text_code_and_outputs_are_kept_in_order(tmp_path: Path) -> None:
    """A page has the text, the code, what it printed, its HTML without blank lines, and its picture."""
    cells = (
        {"cell_type": "markdown", "source": ["# Title\n", "words"]},
        code("print(1)", {"output_type": "stream", "name": "stdout", "text": ["1\n"]}),
        code("card", result(text_plain="card", text_html="<b>card</b>\n\n<i>x</i>")),
        code("figure", result(text_plain="figure", image_png=PICTURE)),
        code("2", result(text_plain="2")),
        {"cell_type": "raw", "source": "left out"},
    )
    page = notebook.convert(save(tmp_path / "a.ipynb", *cells)).read_text()
    places = [
        page.index(words)
        for words in (
            "# Title\nwords",
            "````python\nprint(1)\n````",
            "````text\n1\n````",
            '<div class="output">\n<b>card</b>\n<i>x</i>\n</div>',
            "![Output of the cell above](a-3-0.png)",
            "````text\n2\n````",
        )
    ]
    assert places == sorted(places)
    assert "left out" not in page
    assert (tmp_path / "a-3-0.png").read_bytes() == b"\x89PNG"


@pytest.mark.parametrize(
    "output",
    [
        result(application_json="{}"),
        {"output_type": "error", "ename": "ValueError", "evalue": "", "traceback": []},
    ],
    ids=["form", "error"],
)
def test_an_output_that_no_page_can_show_is_refused(tmp_path: Path, output: dict[str, Any]) -> None:
    """An output of another form, and an error, are named."""
    with pytest.raises(ValueError, match="run the notebook again"):
        notebook.convert(save(tmp_path / "a.ipynb", code("x", output)))


def test_a_notebook_is_a_page_of_the_site(tmp_path: Path) -> None:
    """A link to the notebook leads to its page, which shows the output."""
    root = write(tmp_path / "root", "# A\n\n[tutorial](tutorial.ipynb)\n")
    cells = ({"cell_type": "markdown", "source": "# Tutorial\n\n[back](a.md)"},)
    cells += (code("1 + 1", result(text_plain="the answer", text_html="<em>two</em>")),)
    save(root / "docs" / "tutorial.ipynb", *cells)
    site.build(tmp_path / "site", root)
    assert 'href="tutorial.html"' in (tmp_path / "site" / "docs" / "a.html").read_text()
    assert "<em>two</em>" in (tmp_path / "site" / "docs" / "tutorial.html").read_text()
    assert not list((tmp_path / "site").rglob("*.ipynb"))
