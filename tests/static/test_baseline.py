"""The baseline: accepted issues, new ones, and stale entries."""

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
    """The entries of a baseline of these issues, written and read back."""
    path = tmp_path / "baseline.json"
    path.write_bytes(baseline.dumps(issues))
    return baseline.load(path)


def test_entry_matches_by_code(tmp_path: Path) -> None:
    """Line number, severity and message may change; the issue stays accepted."""
    entries = accepted(tmp_path, OLD)
    moved = replace(OLD, line=99, severity="high", message="new words", advice="")
    assert baseline.split([moved], entries) == ((), ())


@pytest.mark.parametrize(
    "change",
    [{"code": "pickle.load(other)"}, {"file": "src/new.py"}, {"rule": "B302"}, {"tool": "semgrep"}],
)
def test_changed_issue_is_new(tmp_path: Path, change: dict[str, Any]) -> None:
    """A change of code, file, rule or tool is a new issue, and the old entry is stale."""
    other = replace(OLD, **change)
    new, stale = baseline.split([other], accepted(tmp_path, OLD))
    assert new == (other,)
    assert [entry.code for entry in stale] == [OLD.code]


def test_entry_matches_one_issue(tmp_path: Path) -> None:
    """The same code a second time in the same file is a new issue."""
    again = replace(OLD, line=8)
    assert baseline.split([OLD, again], accepted(tmp_path, OLD)) == ((again,), ())
    assert baseline.split([OLD, again], accepted(tmp_path, OLD, again)) == ((), ())


texts = st.text(st.characters(codec="utf-8"), max_size=8)
issues = st.lists(st.builds(Issue, line=st.integers(1, 9), severity=st.just("low"), **dict.fromkeys(
    ("file", "tool", "rule", "message", "advice", "code"), texts)), max_size=6)  # fmt: skip


@given(issues, issues)
def test_split_partitions_issues(old: list[Issue], now: list[Issue]) -> None:
    """Every issue is new or uses one entry; accepting all leaves nothing new."""
    read = [baseline.Entry(tool=n.tool, rule=n.rule, file=n.file, code=n.code) for n in old]
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
def test_malformed_baseline_is_refused(tmp_path: Path, content: bytes) -> None:
    """A malformed file is refused in a sentence that says how to write one."""
    (tmp_path / "b.json").write_bytes(content)
    with pytest.raises(
        PolicyError, match=r"expected a baseline, got.*; write it with `securemnist"
    ):
        baseline.load(tmp_path / "b.json")


def test_missing_or_large_baseline_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing file and a file over the limit are refused."""
    with pytest.raises(PolicyError, match="expected a baseline, got No such file"):
        baseline.load(tmp_path / "none.json")
    monkeypatch.setattr(baseline, "MAX_BYTES", 10)
    with pytest.raises(PolicyError, match="more than 10 bytes"):
        accepted(tmp_path, OLD)
