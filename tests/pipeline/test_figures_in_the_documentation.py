"""The figures of a run in docs/pipeline.md: those of the JSON files."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import page, pipeline_page
from tests.pipeline import example


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the made-up run."""
    (tmp_path / "summary.json").write_bytes(example.summary().dumps())
    (tmp_path / "timing.json").write_bytes(example.scenarios()["timing"].dumps())
    return tmp_path


def test_section_has_the_numbers_of_the_files(folder: Path) -> None:
    """Each main number has a row with its interval and doubts; times only where they are asked for."""
    text = "\n".join(pipeline_page.lines(folder))
    row = "| hardened | under PGD-40 | 0.6543 | 0.6000 to 0.7000 | 200 | weak attack |"
    assert row in text
    assert "| poisoned | from the cache |" in text
    assert "99 s" in text
    assert "`securemnist demo --pipeline --train-images 400 --images 400 --epochs 2`" in text
    assert "99 s" not in "\n".join(pipeline_page.lines(folder, times=False))


def test_figures_of_a_run_replace_the_earlier_ones(folder: Path, tmp_path: Path) -> None:
    """The section of the page holds one run; the text around it stays."""
    copy = tmp_path / "pipeline.md"
    copy.write_text(pipeline_page.PAGE.read_text(), encoding="utf-8")
    before = copy.read_text().partition("<!-- begin run -->")[0]
    for _ in range(2):
        page.store(copy, "run", list(pipeline_page.lines(folder)))
    text = copy.read_text()
    assert text.startswith(before)
    assert text.count("| hardened | under PGD-40 | 0.6543 |") == 1
    assert text.count("<!-- end run -->") == 1
