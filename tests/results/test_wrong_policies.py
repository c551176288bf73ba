"""A policy that cannot be judged is refused in one sentence that names the row and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from securemnist.errors import PolicyError
from securemnist.results import policy
from tests.error_form import one_sentence
from tests.policies import (
    CLEAN,
    LATENCY,
    check,
    table,
)
from tests.results.wrong_rows import WRONG_ROWS


@pytest.mark.parametrize("name", WRONG_ROWS)
def test_a_row_that_cannot_be_judged(name: str) -> None:
    """An ill-formed row is one PolicyError that names the file and the row and says what to do."""
    row, changes, words = WRONG_ROWS[name]
    with pytest.raises(PolicyError) as caught:
        check(table(row, **changes))
    text = one_sentence(caught.value)
    named = (changes.get("id") or row["id"]).strip('"').removesuffix("\\n")[:64]
    assert text.startswith(f"thresholds.toml: row {named}: ")
    assert words in text


@pytest.mark.parametrize("value", ["2027-01-01", "nan", "[inf]"])
def test_settings_that_json_cannot_carry(value: str) -> None:
    """A date or a NaN among the settings of a suite's own measure is refused before it is measured."""
    with pytest.raises(PolicyError, match="row CLEAN-01: expected settings of text"):
        check(table(CLEAN, measure='"own"', since=value), custom=frozenset({"own"}))


WRONG_FILES = {
    "not TOML": ("[[requirement]\n", "expected TOML"),
    "a date there is none": (table(CLEAN, since="2027-13-01"), "expected TOML"),
    "a number of 5,000 figures": (table(CLEAN, images="9" * 5_000), "expected TOML"),
    "deep nesting": ("x = " + "[" * 100_000, "expected TOML"),
    "empty": ("", "expected 'requirement', got nothing"),
    "rows of another name": (
        table(CLEAN).replace("[[requirement]]", "[[requirements]]"),
        "expected 'requirement', got 'requirements'; fix its spelling",
    ),
    "no rows": ("requirement = []", "at least 1 item"),
    "a row that is a number": ("requirement = [3]", "expected requirement.0 to be a table"),
    "an unknown table": (table(CLEAN) + "[option]\n", "unknown key 'option'"),
    "ids twice": (table(CLEAN) + table(CLEAN), "got 'CLEAN-01' twice; rename one"),
    "one question twice": (
        table(CLEAN) + table(CLEAN, id='"CLEAN-02"', because='"again"', tier='"full"'),
        "expected a row that differs from the others, got the same as row CLEAN-01",
    ),
    "one question twice, a default written out": (
        table(LATENCY) + table(LATENCY, id='"LAT-02"', rounds="21"),
        "expected a row that differs from the others, got the same as row LAT-01",
    ),
    "a family without a row": (
        'families = ["clean", "adversarial"]\n' + table(CLEAN),
        "expected a row of the family adversarial, which `families` demands, got none; add one",
    ),
    "an unknown family": ('families = ["evasion"]\n' + table(CLEAN), "got 'evasion'; name one"),
    "families that are a text": ('families = "clean"\n' + table(CLEAN), "families to be a list"),
    "data without a digest": ('data = { name = "MNIST" }\n' + table(CLEAN), "'data.sha256'"),
    "data of another digest": (
        'data = { name = "MNIST", sha256 = "ABC" }\n' + table(CLEAN),
        "data.sha256 to be 64 hexadecimal digits",
    ),
    "data without a name": (
        f'data = {{ name = " ", sha256 = "{"0" * 64}" }}\n' + table(CLEAN),
        "expected words that can be read",
    ),
    "ids of one case": (
        table(CLEAN) + table(CLEAN, id='"clean-01"'),
        "ids that differ in more than case, got 'clean-01' beside 'CLEAN-01'; rename one",
    ),
    "a row without id": (table(CLEAN, id=None), "row number 1: expected 'id', got nothing"),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_a_file_that_is_no_policy(name: str) -> None:
    """A text that holds no list of rows is one PolicyError that names the file."""
    text, words = WRONG_FILES[name]
    with pytest.raises(PolicyError) as caught:
        check(text)
    said = one_sentence(caught.value)
    assert said.startswith("thresholds.toml: ")
    assert words in said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "expected a policy, got No such file"),
        (b"\xff\xfe", "expected UTF-8 text"),
        (b"#" * ((1 << 20) + 1), "expected a policy, got more than 1048576 bytes"),
    ],
    ids=["missing", "not UTF-8", "too large"],
)
def test_a_file_that_cannot_be_read(content: bytes | None, words: str, tmp_path: Path) -> None:
    """A missing, undecodable or overlong file is one PolicyError that names it."""
    path = tmp_path / "thresholds.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        policy.load(path)
    assert one_sentence(caught.value).startswith(f"{path}: {words}")
