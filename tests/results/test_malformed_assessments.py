"""Assessment files that are malformed, or whose numbers contradict them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from securemnist.errors import UsageError
from securemnist.results import assessment as module
from securemnist.results.assessment import SCHEMA, Assessment
from securemnist.results.findings import Measurement, Requirement
from tests.error_form import one_sentence
from tests.results.assessments import assessment, rich


def change(*path: Any, to: Any = None) -> Callable[[Any], Any]:
    """A change of a good assessment: the value at `path` set, or removed where `to` is None."""

    def apply(data: Any) -> Any:
        place = data
        for step in path[:-1]:
            place = place[step]
        if to is None:
            del place[path[-1]]
        else:
            place[path[-1]] = to
        return data

    return apply


def twice(data: Any) -> Any:
    """A failed row of which a second finding, the later one, has passed."""
    first, *others = data["findings"]
    return data | {"findings": [first | {"verdict": "FAIL", "proved": False}, *others, first]}


ILL_FORMED: dict[str, Callable[[Any], Any]] = {
    "a list": lambda data: [data],
    "a text": lambda _: "assessment",
    "another schema": change("schema", to=SCHEMA + 1),
    "an older schema": change("schema", to=1),
    "a schema of a megabyte": change("schema", to="x" * 1_000_000),
    "no schema": change("schema"),
    "no findings": change("findings"),
    "no day": change("day"),
    "findings that are a number": change("findings", to=3),
    "two findings of one row": twice,
    "a finding that is a text": change("findings", 0, to="PASS"),
    "scope that is a list": change("scope", to=[]),
    "subject that is a text": change("subject", to="net"),
    "no requirement": change("findings", 0, "requirement"),
    "an unknown verdict": change("findings", 0, "verdict", to="FINE"),
    "an unknown key": change("findings", 0, "colour", to="red"),
    "a threshold that is a text": change("findings", 0, "requirement", "at_least", to="high"),
    "a value that is a text": change("findings", 0, "measurement", "value", to="high"),
    "a waiver that is a text": change("findings", 1, "requirement", "waiver", to="yes"),
    "an expiry that is a number": change(
        "findings", 1, "requirement", "waiver", "expires", to=2027
    ),
}


@pytest.mark.parametrize("name", ILL_FORMED)
def test_what_is_no_assessment(name: str, tmp_path: Path) -> None:
    """JSON of another form is refused with one UsageError, and never half read."""
    path = tmp_path / "assessment.json"
    path.write_text(json.dumps(ILL_FORMED[name](json.loads(rich().dumps()))))
    with pytest.raises(UsageError, match="securemnist assess") as caught:
        Assessment.load(path)
    one_sentence(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"schema": ' + b"9" * 5_000 + b"}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"schema": %d, "findings": ' % SCHEMA + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["empty", "cut off", "no text", "a huge number", "deep", "deep inside"],
)
def test_what_is_no_json(content: bytes, tmp_path: Path) -> None:
    """Bytes that are not JSON, or nested to exhaust the parser, are one UsageError naming the file."""
    path = tmp_path / "assessment.json"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        Assessment.load(path)
    assert str(path) in one_sentence(caught.value)


def test_nesting_that_parses_but_cannot_be_walked(tmp_path: Path) -> None:
    """Evidence nested below the parser's limit, which newer Pythons have raised, is a UsageError, too."""
    data = json.loads(rich().dumps())
    evidence: Any = {}
    for _ in range(2_000):
        evidence = {"in": evidence}
    data["findings"][0]["measurement"]["evidence"]["table"] = evidence
    with pytest.raises(UsageError, match="recursion depth"):
        Assessment.from_json(data)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("findings", 0, "measurement", "seconds"), None),
        (("findings", 0, "measurement", "value"), True),
        (("findings", 0, "measurement", "n"), "9" * 400),
        (("findings", 0, "measurement", "n"), int("9" * 400)),
        (("findings", 0, "requirement", "id"), None),
        (("findings", 0, "requirement", "measure"), [None]),
        (("findings", 0, "requirement", "max_relative_drop"), [[]]),
        (("findings", 0, "requirement", "settings"), ""),
        (("findings", 0, "requirement", "at_least"), None),
        (("findings", 0, "requirement", "ids"), [7]),
        (("findings", 0, "family"), {"a": 1}),
        (("findings", 0, "in_scope"), "yes"),
        (("subject",), ""),
        (("environment",), []),
        (("day",), 7),
    ],
)
def test_a_field_of_another_type(
    place: tuple[str | int, ...], value: object, tmp_path: Path
) -> None:
    """What has every key, but another kind of value, is one UsageError when it is read."""
    data = json.loads(rich().dumps())
    at = data
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    path = tmp_path / "assessment.json"
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError) as caught:
        Assessment.load(path)
    one_sentence(caught.value)


def test_numbers_that_are_none(tmp_path: Path) -> None:
    """NaN, which JSON does not know but Python reads, makes no assessment."""
    path = tmp_path / "assessment.json"
    path.write_bytes(rich().dumps().replace(b'"value": 0.9', b'"value": NaN'))
    with pytest.raises(UsageError):
        Assessment.load(path)


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    """A file beyond the cap is refused by its size; a folder and a missing file are refused as well."""
    path = tmp_path / "assessment.json"
    path.touch()
    os.truncate(path, module.MAX_BYTES + 1)  # sparse: takes no room
    for wrong, words in [
        (path, "more than"),
        (tmp_path, "director"),
        (tmp_path / "no", "No such"),
    ]:
        with pytest.raises(UsageError, match=words) as caught:
            Assessment.load(wrong)
        assert str(wrong) in one_sentence(caught.value)
        assert type(caught.value) is UsageError


@pytest.mark.parametrize("number", [1e308, -1e308, 1e16, int("9" * 300)])
@pytest.mark.parametrize(
    ("part", "key"),
    [
        *(("measurement", key) for key in ("value", "low", "high", "seconds")),
        *(("requirement", key) for key in ("at_least", "max_drop", "max_relative_drop")),
    ],
)
def test_numbers_that_arithmetic_overflows_on(
    part: str, key: str, number: float, tmp_path: Path
) -> None:
    """A number that no measurement has, and whose difference would be infinite, is refused when read."""
    data = json.loads(rich().dumps())
    data["findings"][0][part][key] = number
    path = tmp_path / "assessment.json"
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError, match=f"{part}.{key}: ") as caught:
        Assessment.load(path)
    one_sentence(caught.value)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"measurement": None}, "a PASS without a measurement"),
        ({"value": 0.4, "low": 0.4, "high": 0.4}, "is stored, its numbers give FAIL"),
        ({"inconclusive": "too few samples"}, "is stored, its numbers give INCONCLUSIVE"),
        ({"proved": True}, "PASS .proved. is stored, its numbers give PASS"),
    ],
)
def test_a_stored_pass_that_its_numbers_do_not_give(edit: dict[str, Any], said: str) -> None:
    """A PASS in a file is refused where the stored measurement and threshold do not lead to it."""
    row = Requirement(id="R", measure="m", because="b", at_least=0.5)
    measurement = Measurement(
        value=0.9, low=0.8, high=0.95, n=200, complete=True, seconds=1.0, seed=0, survived=True
    )
    data = json.loads(assessment(row.judge(measurement)).dumps())
    assert Assessment.from_json(data).exit_code == 0
    changed = data["findings"][0]
    for key, value in edit.items():
        (changed if key in changed else changed["measurement"])[key] = value
    with pytest.raises(UsageError, match=said):
        Assessment.from_json(data)
