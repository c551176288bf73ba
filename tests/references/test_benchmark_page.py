"""Benchmark pages, written section by section."""

from __future__ import annotations

from pathlib import Path

from benchmarks.page import store


def test_page_section_replaced(tmp_path: Path) -> None:
    """Writing one section again changes it and leaves the rest of the page unchanged."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n\nWords.\n")
    store(page, "one", ["first 1", ""])
    store(page, "two", ["second", ""])
    before = page.read_text()
    store(page, "one", [r"first \1 again", ""])
    assert page.read_text() == before.replace("first 1", r"first \1 again")
    assert before.startswith("# Page\n\nWords.\n")
    assert before.index("first 1") < before.index("second")


def test_page_section_keeps_position(tmp_path: Path) -> None:
    """A section in the middle of a page keeps its position."""
    page = tmp_path / "page.md"
    page.write_text("above\n\n<!-- begin x -->\n\nold\n\n<!-- end x -->\n\nbelow\n")
    store(page, "x", ["new", ""])
    text = page.read_text()
    assert text.index("above") < text.index("new") < text.index("below")
    assert "old" not in text
