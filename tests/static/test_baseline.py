"""The baseline: old findings are accepted by what they are, new ones are not, stale ones are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemnist.errors import PolicyError
from securemnist.static import Issue, baseline

OLD = Issue(
    file="src/old.py",
    line=7,
    tool="bandit",
    rule="B301",
    severity="medium",
    message="pickle",
    advice="json",
    code="pickle.load(file)",
)


def accepted(tmp_path: Path, *issues: Issue) -> list[baseline.Entry]:
    """The entries of a baseline of these notices, written and read back."""
    path = tmp_path / "baseline.json"
    path.write_bytes(baseline.dumps(issues))
    return baseline.load(path)


def test_a_finding_is_known_by_its_code(tmp_path: Path) -> None:
    """The line's number, the severity and the tool's words may change; the finding is the old one."""
    entries = accepted(tmp_path, OLD)
    moved = replace(OLD, line=99, severity="high", message="new words", advice="")
    assert baseline.split([moved], entries) == ((), ())


@pytest.mark.parametrize(
    "change",
    [{"code": "pickle.load(other)"}, {"file": "src/new.py"}, {"rule": "B302"}, {"tool": "semgrep"}],
)
def test_another_finding_is_new(tmp_path: Path, change: dict[str, Any]) -> None:
    """A change of code, file, rule or tool is a new finding, and the old entry is stale."""
    other = replace(OLD, **change)
    new, stale = baseline.split([other], accepted(tmp_path, OLD))
    assert new == (other,)
    assert [entry.code for entry in stale] == [OLD.code]


def test_an_entry_is_spent_once(tmp_path: Path) -> None:
    """The same code a second time in the same file is a new finding."""
    again = replace(OLD, line=8)
    assert baseline.split([OLD, again], accepted(tmp_path, OLD)) == ((again,), ())
    assert baseline.split([OLD, again], accepted(tmp_path, OLD, again)) == ((), ())


texts = st.text(st.characters(codec="utf-8"), max_size=8)
issues = st.lists(st.builds(Issue, line=st.integers(1, 9), severity=st.just("low"), **dict.fromkeys(
    ("file", "tool", "rule", "message", "advice", "code"), texts)), max_size=6)  # fmt: skip


@given(issues, issues)
def test_what_is_new_and_what_is_stale(old: list[Issue], now: list[Issue]) -> None:
    """Accepting everything leaves nothing new; every notice is new or spends one entry."""
    read = [baseline.Entry(n.tool, n.rule, n.file, n.code) for n in old]
    new, stale = baseline.split(now, read)
    assert len(now) - len(new) == len(read) - len(stale)
    assert baseline.split(old, read) == ((), ())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"schema_version": 2, "accepted": []}',
        b'{"schema_version": 1, "accepted": [{"tool": "bandit"}]}',
        b'{"schema_version": 1, "accepted": [], "more": 1}',
        b"\xff",
    ],
)
def test_anything_else_is_no_baseline(tmp_path: Path, content: bytes) -> None:
    """A file that is not a baseline is refused in a sentence that says how to write one."""
    (tmp_path / "b.json").write_bytes(content)
    with pytest.raises(
        PolicyError, match=r"expected a baseline, got.*; write it with `securemnist"
    ):
        baseline.load(tmp_path / "b.json")


def test_a_missing_or_huge_file_is_no_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is not there, or too large to be one, is refused."""
    with pytest.raises(PolicyError, match="expected a baseline, got No such file"):
        baseline.load(tmp_path / "none.json")
    monkeypatch.setattr(baseline, "MAX_BYTES", 10)
    with pytest.raises(PolicyError, match="more than 10 bytes"):
        accepted(tmp_path, OLD)
