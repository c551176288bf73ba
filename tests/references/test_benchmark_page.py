"""A page of measurements is written section by section."""

from __future__ import annotations

from pathlib import Path

from benchmarks.page import store


def test_a_section_is_written_anew_beside_the_others(tmp_path: Path) -> None:
    """Running one part again changes its section and leaves the rest of the page as it is."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n\nWords.\n")
    store(page, "one", ["first 1", ""])
    store(page, "two", ["second", ""])
    before = page.read_text()
    store(page, "one", [r"first \1 again", ""])
    assert page.read_text() == before.replace("first 1", r"first \1 again")
    assert before.startswith("# Page\n\nWords.\n")
    assert before.index("first 1") < before.index("second")


def test_a_section_stays_where_it_is(tmp_path: Path) -> None:
    """A section in the middle of a page keeps its place."""
    page = tmp_path / "page.md"
    page.write_text("above\n\n<!-- begin x -->\n\nold\n\n<!-- end x -->\n\nbelow\n")
    store(page, "x", ["new", ""])
    text = page.read_text()
    assert text.index("above") < text.index("new") < text.index("below")
    assert "old" not in text
