"""The check of links in a built site."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.documentation import links


def site(folder: Path, body: str, style: str = "") -> Path:
    """A site of two pages and a style sheet."""
    (folder / "below").mkdir()
    (folder / "index.html").write_text('<h1 id="top">Home</h1><a href="below/a.html#part">a</a>')
    (folder / "below" / "a.html").write_text(f'<h2 id="part">Part</h2>{body}')
    (folder / "a.css").write_text(style)
    return folder


@pytest.mark.parametrize(
    "body",
    [
        '<a href="../index.html#top">home</a>',
        '<a href="..">home</a><a href="#part">here</a>',
        '<a href="https://example.org/">elsewhere</a><a href="mailto:a@example.org">mail</a>',
        '<img src="data:image/png;base64,AA=="><link rel="stylesheet" href="../a.css">',
    ],
)
def test_a_good_link_is_none_of_the_problems(tmp_path: Path, body: str) -> None:
    """Pages, anchors, folders with an index, mail, and links to other hosts are no problem."""
    assert links.problems(site(tmp_path, body)) == []


@pytest.mark.parametrize(
    ("body", "style", "word"),
    [
        pytest.param('<a href="b.html">b</a>', "", "b.html", id="page"),
        pytest.param('<a href="../index.html#bottom">b</a>', "", "anchor", id="anchor"),
        pytest.param('<a href="../../x.html">b</a>', "", "x.html", id="outside"),
        pytest.param('<img src="b.png">', "", "b.png", id="picture"),
        pytest.param('<script src="//example.org/a.js"></script>', "", "example.org", id="script"),
        pytest.param(
            '<link rel="preconnect" href="https://a.example">', "", "a.example", id="link"
        ),
        pytest.param("", "a{src:url('https://a.example/f.woff')}", "a.example", id="font"),
        pytest.param("", '@import "https://a.example/b.css";', "a.example", id="import"),
    ],
)
def test_a_bad_link_is_named(tmp_path: Path, body: str, style: str, word: str) -> None:
    """A broken link, and an address of another host that a browser fetches, are one line each."""
    (problem,) = links.problems(site(tmp_path, body, style))
    assert word in problem
