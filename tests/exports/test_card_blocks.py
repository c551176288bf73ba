"""Marked parts of a model card: all bytes outside of them stay, and a damaged pair is refused."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from securemnist.errors import UsageError
from securemnist.exports import card_blocks, model_card
from tests.error_form import one_sentence
from tests.report import example

BEGIN, END = card_blocks.BODY
FRONT_BEGIN, FRONT_END = card_blocks.FRONT
HEAD = f"---\nlicense: mit\n{FRONT_BEGIN}\nstale: 1\n{FRONT_END}\nlanguage: en\n---\n"
BODY = f"# My model\n\nBefore.\n\n{BEGIN}\nstale\n{END}\n\nAfter.\n"


def render(content: str | bytes) -> bytes:
    """The card with its marked parts written anew."""
    old = content.encode() if isinstance(content, str) else content
    return model_card.render(example.assessment(), old, "CARD.md")


def outside(content: bytes) -> list[bytes]:
    """What stands outside of the markers, which are part of it."""
    text, found = content, []
    for begin, end in (card_blocks.FRONT, card_blocks.BODY):
        head, sign, rest = text.partition(begin.encode() + b"\n")
        if sign:
            found.append(head + sign)
            text = end.encode() + rest.partition(b"\n" + end.encode())[2]
    return [*found, text]


@pytest.mark.parametrize(
    "content",
    [
        HEAD + BODY,
        BODY,
        "\ufeff" + HEAD + BODY,
        HEAD + BODY + "---\nmore\n---\n",
        (HEAD + BODY).encode() + b"\xff\xfe latin-1: \xe9 \x00",
        (HEAD + BODY).rstrip("\n"),
        f"{BEGIN}\n{END}",
    ],
    ids=["both", "no front matter", "byte order mark", "rules", "no UTF-8", "no last line", "bare"],
)
def test_text_outside_the_markers_stays(content: str | bytes) -> None:
    """Every byte outside the markers is kept; the marked parts are new, and written twice the same."""
    old = content.encode() if isinstance(content, str) else content
    new = render(old)
    assert outside(new) == outside(old)
    assert b"stale" not in new
    assert b"postbox-reader" in new
    assert render(new) == new


def test_line_ends_of_another_system_stay() -> None:
    """The text of a file with carriage returns keeps them; its markers are found."""
    old = (HEAD + BODY).replace("\n", "\r\n").encode()
    new = render(old)
    assert new.startswith(b"---\r\nlicense: mit\r\n# securemnist:begin\r\n")
    assert new.endswith(b"<!-- securemnist:end -->\r\n\r\nAfter.\r\n")
    assert b"postbox-reader" in new


def test_a_key_of_the_user_is_not_written_twice() -> None:
    """Tags, data sets and metrics of the front matter outside the markers take the place of ours."""
    mine = HEAD.replace("language: en", "tags:\n- mine\n'metrics': [f1]")
    new = render(mine + BODY).decode()
    assert new.count("\ntags:") == 1
    assert "metrics:\n  - " not in new.partition("model-index")[0]
    assert "\nmodel-index:" in new


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "got 0 and 0"),
        ("# My model\n", "got 0 and 0"),
        (f"{BEGIN}\n", "got 1 and 0"),
        (f"{END}\n", "got 0 and 1"),
        (f"{END}\n{BEGIN}\n", "got the end before the begin"),
        (f"{BEGIN}\n{BEGIN}\n{END}\n", "got 2 and 1"),
        (f"{BEGIN}\n{END}\n{BEGIN}\n{END}\n", "got 2 and 2"),
        (f"text {BEGIN}\n{END}\n", "got 0 and 1"),
        (f"{BEGIN} text\n{END}\n", "got 0 and 1"),
        (f"---\nlicense: mit\n---\n{BODY}", "front matter: expected the lines"),
        (HEAD.replace(FRONT_END, "") + BODY, "got 1 and 0"),
        (HEAD.replace(FRONT_BEGIN, FRONT_END) + BODY, "got 0 and 2"),
        (f"---\nlicense: mit\n{BODY}", "expected front matter that ends with ---"),
        (HEAD + f"# text\n{FRONT_BEGIN}\n{FRONT_END}\n", "got 0 and 0"),
        (HEAD.replace("language", "model-index") + BODY, "`model-index` between its markers only"),
        (HEAD.replace("license", '"model-index"') + BODY, "`model-index` between its markers only"),
    ],
)
def test_a_file_without_whole_markers_is_refused(content: str, words: str) -> None:
    """A file without markers, with one of a pair, or with two pairs is refused in one sentence."""
    with pytest.raises(UsageError, match=words) as caught:
        render(content)
    assert str(caught.value).startswith("CARD.md")
    one_sentence(caught.value)


def test_every_cut_of_a_card_keeps_its_markers_or_is_refused() -> None:
    """A file that was cut anywhere is never written with a part of the old results outside."""
    whole = HEAD + BODY
    accepted = [cut for cut in range(len(whole)) if _accepted(whole[:cut])]
    assert accepted == [*range(whole.index(END) + len(END), len(whole))]


def _accepted(content: str) -> bool:
    try:
        return b"stale" not in render(content)
    except UsageError:
        return False


def test_no_value_of_an_assessment_is_a_marker() -> None:
    """A model that is named like a marker gives a card that can be written again."""
    for name, end in itertools.product((*card_blocks.BODY, *card_blocks.FRONT, "---"), ("", "\n")):
        first = example.assessment()
        named = {**first.subject, "name": f"{end}{name}{end}", "architecture": f"\n{name}\n"}
        card = model_card.render(example.assessment(subject=named))
        assert render(card) != card
        assert outside(render(card)) == outside(card)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A folder, and a file above the limit, in the place of the card are one sentence each."""
    huge = tmp_path / "huge.md"
    with huge.open("wb") as file:
        file.truncate(model_card.MAX_BYTES + 1)
    for path in (tmp_path, huge):
        with pytest.raises(UsageError, match="expected a model card that can be read") as caught:
            model_card.existing(path)
        one_sentence(caught.value)
