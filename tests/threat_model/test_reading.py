"""threats.toml is read strictly: what is wrong is one sentence, exit code 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from securemnist.errors import PolicyError
from securemnist.results.threat_file import beside
from securemnist.threat_model import load, parse
from tests.threat_model.models import HEAD, model, threat

WRONG = {
    "no threat": (HEAD, "expected 'threats', got nothing; add it"),
    "unknown key": (HEAD + threat("S-01") + "colour = 1\n", "unknown key"),
    "unknown category": (HEAD + threat("S-01", category="X"), "threats S-01: expected threats.0.cat"),
    "twice": (HEAD + threat("S-01") + threat("s-01"), "'s-01' twice"),
    "dangling element": (HEAD + threat("S-01", on="moon"), "threat S-01: expected components or flows"),
    "dangling zone": (HEAD.replace('zone = "outside"', 'zone = "mars"') + threat("S-01"), "a zone of"),
    "dangling adversary": (
        HEAD + threat("S-01").replace('adversary = "anyone"', 'adversary = "eve"'),
        "an adversary of anyone, got 'eve'",
    ),
    "element twice": (HEAD.replace('id = "weights"', 'id = "ask"') + threat("S-01"), "'ask' twice"),
    "no boundary": (
        HEAD.replace('between = ["outside", "inside"]', 'between = ["inside", "inside"]')
        + threat("S-01"),
        "flow ask: expected a boundary between the zones inside and outside",
    ),
    "blank": (HEAD + threat("S-01").replace("It hurts.", "---"), "expected words that can be read"),
    "no mitigation": (
        HEAD + threat("S-01").replace('[{ text = "Measure it", requirements = [] }]', "[]"),
        "mitigations",
    ),
    "too many": (HEAD + "".join(threat(f"S-{n}") for n in range(201)), "threats"),
    "blank to the eye": (HEAD + threat("S-01").replace("It hurts.", "\u3164"), "words that can be read"),
    "a line break in a title": (
        HEAD + threat("S-01").replace("The threat S-01", "x\\n9 covered"),
        "threats S-01: expected one line",
    ),
    "a line break at the end": (
        HEAD + threat("S-01").replace("The threat S-01", "x\\n"),
        "threats S-01: expected one line",
    ),
    "an escape sequence": (
        HEAD + threat("S-01").replace("It hurts.", "a \\u009b31m b"),
        "expected visible characters only",
    ),
    "reversed text": (
        HEAD.replace('"A small system"', '"A \u202e small system"') + threat("S-01"),
        "expected visible characters only",
    ),
    "a review to come": (HEAD.replace("2026-11-01", "2999-01-01") + threat("S-01"), "a day of the past"),
    "no TOML": ("[[threats", "expected TOML"),
    "date and time": (HEAD.replace("2026-11-01", "2026-11-01T10:00:00") + threat("S-01"), "reviewed"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_model_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    """Each defect is named with its place, by the text and by the file."""
    text, expected = WRONG[name]
    (tmp_path / "threats.toml").write_text(text)
    for read in (lambda: parse(text, "threats.toml"), lambda: load(tmp_path / "threats.toml")):
        with pytest.raises(PolicyError) as caught:
            read()
        assert expected in str(caught.value)
        assert "threats.toml: " in str(caught.value)
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 2


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, one of more than a MiB and a folder are refused."""
    (tmp_path / "big.toml").write_bytes(b"#" * (1 << 21))
    (tmp_path / "folder.toml").mkdir()
    for name in ("none.toml", "big.toml", "folder.toml"):
        with pytest.raises(PolicyError, match=r"expected a threat model|expected TOML"):
            load(tmp_path / name)


def test_a_threat_names_its_rows_once() -> None:
    """The rows of all mitigations, the score and its level in the terms of OWASP TM-BOM."""
    (one,) = model(threat("S-01", "A-1", "B-1", "A-1")).threats
    assert one.requirements == ("A-1", "B-1")
    assert (one.score, one.level) == (12, "high")


def test_missing_rows_are_named() -> None:
    """A threat without rows, and one that names a row which the policy lacks, are uncovered."""
    read = model(threat("S-01", "A-1"), threat("T-01"), threat("T-02", "A-1", "GONE-1"))
    assert [one.id for one in read.uncovered(["A-1"])] == ["T-01", "T-02"]
    assert read.unknown_requirements(["A-1"]) == {"T-02": ["GONE-1"]}


def test_texts_of_other_scripts_and_several_lines_are_read() -> None:
    """Letters of any script, wide blanks and line breaks of a scenario stay as they were written."""
    scenario = "数字\u3000が変わる.\nÉtape\u00a02."
    text = HEAD + threat("S-01").replace('"It happens."', f'"""{scenario}"""')
    assert parse(text, "threats.toml").threats[0].scenario == scenario


@pytest.mark.parametrize("kind", ["fifo", "folder", "dangling link", "loop"])
def test_an_entry_that_is_no_file_is_not_taken_for_an_absent_model(
    kind: str, tmp_path: Path
) -> None:
    """Beside the policy, threats.toml of another kind is one sentence; without it there is no model."""
    assert beside(tmp_path / "thresholds.toml") is None
    path = tmp_path / "threats.toml"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("threats.toml" if kind == "loop" else "gone.toml")
    with pytest.raises(PolicyError, match=r"threats.toml: expected a threat model, got"):
        beside(tmp_path / "thresholds.toml")
