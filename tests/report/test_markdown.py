"""The summary for a pull request."""

from __future__ import annotations

import dataclasses
import re

import pytest

from securemnist.report import markdown
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Verdict
from securemnist.view.wording import SYMBOLS
from tests.report import example, hostile


def _lines(assessment: Assessment) -> list[str]:
    return markdown.render(assessment).decode().splitlines()


def test_the_first_line_is_the_answer() -> None:
    """The headline names the answer and the subject."""
    assert _lines(example.assessment())[0] == "## ✗ Do not merge: postbox-reader 2.3.0"


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_symbol_and_word(verdict: Verdict) -> None:
    """The counts name each verdict that occurs."""
    text = "\n".join(_lines(example.assessment())).replace("\\", "")
    assert re.search(rf"{re.escape(SYMBOLS[verdict])} \d+ {verdict}", text)


def test_open_rows_come_first_and_passing_ones_are_folded() -> None:
    """What does not pass is read first, waived rows last of it; the rest lies in a fold."""
    text = "\n".join(_lines(example.assessment()))
    order = ["ADV-02", "SAST-01", "BACK-02", "ADV-03", "LAT-02", "ADV-06", "<details>", "CLEAN-01"]
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    assert text.index("CLEAN-01") < text.index("</details>")


def test_an_open_row_says_how_to_replay_it() -> None:
    """The command can be copied."""
    text = "\n".join(_lines(example.assessment()))
    assert "`securemnist assess --model postbox.models:reader -k ADV-02 --seed 20261121`" in text


def test_a_static_row_names_its_first_places() -> None:
    """Who reads only the comment knows where to look."""
    (row,) = (line for line in _lines(example.assessment()) if "SAST-01" in line)
    assert "postbox/loading.py:42: torch.load reads a pickle" in row.replace("\\", "")


@pytest.mark.parametrize("text", hostile.TEXTS, ids=lambda text: ascii(text[:12]))
def test_hostile_text_is_inert(text: str) -> None:
    """No outside text becomes a tag, a link, a mention, maths, a table cell or a line."""
    lines = _lines(hostile.assessment(text))
    tame = _lines(example.assessment())
    assert len(lines) == len(tame)
    for line, other in zip(lines, tame, strict=True):
        bare = re.sub(r"`[^`]*`", "", line.replace("\\`", "").replace("&#8203;", "\u200b"))
        assert set(re.findall(r"<[^>]*>", bare)) <= {
            "<br>", "<details>", "</details>", "<summary>", "</summary>"
        }  # fmt: skip
        assert not re.search(r"[@#]\w|(?<!\\)\[|(?<!\\)\$|(?<!\\)~|(?<!\\)://|www\.", bare)
        cells = [len(re.findall(r"(?<!\\)\|", text)) for text in (line, other)]
        assert cells[0] == cells[1]


def test_a_summary_fits_a_comment() -> None:
    """However long the policy and its words, GitHub takes the summary, and what is left is said."""
    one = hostile.assessment("@" * 10_000).findings
    rows = tuple(dataclasses.replace(finding) for finding in one * 20)
    text = markdown.render(example.assessment(findings=rows)).decode()
    assert len(text) < 65_536
    assert re.search(r"\d+ more rows in index\.html\.", text)


def test_nothing_in_scope_is_said() -> None:
    """A run that looked at nothing says so."""
    text = "\n".join(_lines(example.assessment(findings=())))
    assert "no row in scope" in text
