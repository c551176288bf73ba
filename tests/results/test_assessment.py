"""The assessment: its exit code, and what is no assessment."""

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
from securemnist.results.evidence.base import OtherEvidence
from securemnist.results.findings import Finding, Measurement, Requirement, Verdict, Waiver
from tests.error_form import one_sentence

PASS, FAIL, INCONCLUSIVE, ERROR, NOT_RUN = Verdict
DAY = "2026-11-21"
OUT = "out of scope"


def finding(verdict: Verdict, note: str = "") -> Finding:
    """A finding; `note` is an expiry date of its waiver, or OUT."""
    waiver = Waiver(reason="known", expires=note) if note and note != OUT else None
    row = Requirement(
        id=f"R-{verdict}{note}", measure="m", because="b", at_least=0.5, waiver=waiver
    )
    return Finding(requirement=row, verdict=verdict, in_scope=note != OUT)


def assessment(*findings: Finding) -> Assessment:
    """An assessment of these findings on DAY."""
    return Assessment(
        subject={"name": "net", "digest": "0" * 64},
        scope={"tier": "standard", "markers": "", "keywords": "", "paths": ["tests"]},
        environment={"python": "3.11"},
        policy={"path": "thresholds.toml", "digest": "1" * 64, "text": "é"},
        findings=findings,
        day=DAY,
    )


@pytest.mark.parametrize(
    ("notes", "code"),
    [
        ([], 3),
        ([(PASS,)], 0),
        ([(PASS,), (FAIL,)], 1),
        ([(ERROR,), (INCONCLUSIVE,), (FAIL,), (NOT_RUN,)], 1),
        ([(PASS,), (INCONCLUSIVE,)], 3),
        ([(PASS,), (ERROR,)], 3),
        ([(PASS,), (NOT_RUN,)], 3),
        ([(PASS,), (FAIL, "2027-01-01")], 0),
        ([(PASS,), (FAIL, DAY)], 0),
        ([(FAIL, DAY)], 3),
        ([(FAIL, DAY), (PASS, OUT)], 3),
        ([(PASS,), (FAIL, "2026-11-20")], 1),
        ([(PASS,), (INCONCLUSIVE, DAY), (NOT_RUN, DAY)], 0),
        ([(PASS,), (ERROR, "2027-01-01")], 3),
        ([(FAIL, "2027-01-01"), (INCONCLUSIVE,)], 3),
        ([(PASS,), (NOT_RUN, OUT)], 0),
        ([(FAIL,), (NOT_RUN, OUT)], 1),
        ([(NOT_RUN, OUT)], 3),
    ],
)
def test_the_exit_code(notes: list[Any], code: int) -> None:
    """FAIL gives 1 and beats 3, which anything else open gives; waived and out of scope are neutral.

    Where nothing passed, nothing has been shown: waived rows alone give 3.
    """
    assert assessment(*(finding(*note) for note in notes)).exit_code == code


def test_what_is_counted() -> None:
    """Rows out of scope are in no count and make the assessment incomplete."""
    part = assessment(finding(PASS), finding(PASS), finding(FAIL), finding(NOT_RUN, OUT))
    assert part.counts == {"PASS": 2, "FAIL": 1, "INCONCLUSIVE": 0, "ERROR": 0, "NOT_RUN": 0}
    assert not part.complete
    assert assessment(finding(PASS), finding(NOT_RUN)).complete
    assert [f.verdict for f in part.open_findings] == [FAIL]


def rich() -> Assessment:
    """An assessment with a measured, a waived and an unmeasured row."""
    seen = Measurement(
        value=0.9,
        low=0.8,
        high=0.95,
        n=9,
        complete=False,
        seconds=1.0,
        seed=0,
        evidence=OtherEvidence(table={"a": [1]}),
    )
    row = Requirement(id="A", measure="m", because="b", at_least=0.5, settings={"digits": 9})
    return assessment(row.judge(seen, claim="c", family="f"), finding(FAIL, DAY), finding(ERROR))


def test_an_assessment_survives_its_file(tmp_path: Path) -> None:
    """What was written is read back equal, and written again as the same bytes."""
    path = tmp_path / "assessment.json"
    path.write_bytes(rich().dumps())
    again = Assessment.load(path)
    assert again.__dict__ == rich().__dict__
    assert again.dumps() == path.read_bytes()
    derived = json.loads(path.read_bytes())
    assert (derived["exit_code"], derived["counts"]["PASS"]) == (3, 1)
    assert derived["scope"]["complete"] is True


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
    seen = Measurement(
        value=0.9, low=0.8, high=0.95, n=200, complete=True, seconds=1.0, seed=0, survived=True
    )
    data = json.loads(assessment(row.judge(seen)).dumps())
    assert Assessment.from_json(data).exit_code == 0
    changed = data["findings"][0]
    for key, value in edit.items():
        (changed if key in changed else changed["measurement"])[key] = value
    with pytest.raises(UsageError, match=said):
        Assessment.from_json(data)
