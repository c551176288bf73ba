"""Docstrings and docs are plain English: short sentences, and the field's words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import securemnist
from securemnist._util import resources

MOST_WORDS = 25
_WORDS = re.compile(r"\b(mend\w*|somebody|nobody|anybody|told|enem(y|ies))\b", re.IGNORECASE)
FILES = sorted(
    path
    for folder in (Path(securemnist.__file__).parent, resources.ROOT / "tests")
    for path in folder.rglob("*.py")
    if path != Path(__file__)
)
PAGES = sorted([*resources.ROOT.glob("*.md"), *(resources.ROOT / "docs").rglob("*.md")])
# What of a page is no prose: front matter, code, tables, headings, outputs of commands, HTML.
_NO_PROSE = re.compile(
    r"\A---\n.*?\n---\n|^(?P<fence>```|~~~).*?^(?P=fence) *$|^[|#>].*?$|<[^>]*>",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


def docstrings(text: str) -> Iterator[str]:
    """The docstrings of a module, its classes and functions."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def complaints(docstring: str) -> list[str]:
    """Sentences that are too long, and words that the project does not use."""
    plain = re.sub(r"`[^`]*`", "NAME", docstring)
    paragraphs = re.split(r"\n\s*\n|\n\s*(?:[-|*]|\d+\.)", plain)
    sentences = [s for text in paragraphs for s in re.split(r"(?<=[.!?:;])[)*_\"]*\s+", text)]
    long = [s for s in sentences if len(re.findall(r"[\w'%]+(?:[-.]\w+)*", s)) > MOST_WORDS]
    return [*map(" ".join, map(str.split, long)), *(found[0] for found in _WORDS.finditer(plain))]


def test_docstrings_are_plain() -> None:
    """No docstring has a sentence of more than 25 words, or a word such as "somebody"."""
    found = {
        str(path): problems
        for path in FILES
        if (problems := [c for text in docstrings(path.read_text()) for c in complaints(text)])
    }
    assert found == {}


def prose(page: str) -> str:
    """The prose of a page of Markdown, with the words of its links."""
    return _LINK.sub(r"\1", _NO_PROSE.sub("\n\n", page))


def test_docs_are_plain() -> None:
    """No page of the docs has a sentence of more than 25 words, or a word such as "somebody"."""
    found = {
        str(path): problems for path in PAGES if (problems := complaints(prose(path.read_text())))
    }
    assert found == {}


def test_prose_of_a_page_is_what_people_read() -> None:
    """Code, tables and outputs are left out; a long sentence with a link or in a list is found."""
    long = "two " * 26
    quiet = f"---\nkey: {long}\n---\n# {long}\n\n```text\n{long}\n```\n\n| {long} |\n\n> {long}\n"
    assert complaints(prose(quiet)) == []
    for page in (f"A [link {long}](a.md).", f"1. Short.\n2. Then {long}", f"{quiet}\nOne {long}."):
        assert len(complaints(prose(page))) == 1


@pytest.mark.parametrize(
    "text", ["One " + "two " * 25 + "end.", "Somebody mends it.", "A b.\n\n" + "c " * 26]
)
def test_long_sentences_and_other_words_are_found(text: str) -> None:
    """A sentence of 26 words and a word that is not used are each a complaint."""
    assert complaints(text)
    assert not complaints("A sentence of `" + "a " * 30 + "` and a few words. " * 9)
