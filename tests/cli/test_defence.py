"""The option --defence of `measure` and `assess`."""

from __future__ import annotations

import json
from pathlib import Path

from securemnist.errors import USAGE
from tests.commands import run
from tests.policies import CLEAN, table

POLICY = table(CLEAN, images="100")


def test_measure_with_a_defence(small_mnist: Path, tmp_path: Path) -> None:
    """A defence that leaves nothing of the images lowers the number, and is a setting of the record."""
    words = ("measure", "clean_accuracy", "--model", "baseline", "--images", "100")
    target = tmp_path / "measured.json"
    defence = ("--defence", "gaussian:sigma=4", "--json", str(target))
    outcome = run(*words, *defence, "--data", str(small_mnist))
    assert outcome.exit_code == 0, outcome.output
    record = json.loads(target.read_text())
    assert record["settings"]["defence"] == {"use": "gaussian", "sigma": 4}
    assert record["value"] < 0.8


def test_assess_with_a_defence(small_mnist: Path, tmp_path: Path) -> None:
    """The report names the defence, its verdicts are of the defended model, its commands repeat it."""
    (tmp_path / "policy.toml").write_text(POLICY)
    outcome = run(
        *("assess", "--model", "baseline", "--policy", str(tmp_path / "policy.toml")),
        *("--defence", "gaussian:sigma=4", "--data", str(small_mnist)),
        *("--out", str(tmp_path / "report")),
    )
    assert outcome.exit_code == 1, outcome.output
    record = json.loads((tmp_path / "report" / "assessment.json").read_text())
    assert record["subject"]["name"] == "baseline with gaussian:sigma=4"
    assert "--defence=gaussian:sigma=4" in json.dumps(record)


def test_both_versions_have_the_defence(small_mnist: Path, tmp_path: Path) -> None:
    """`--against MODEL` compares both models behind the defence, and refuses one model with itself."""
    (tmp_path / "policy.toml").write_text(POLICY)
    words = ("assess", "--model", "baseline", "--policy", str(tmp_path / "policy.toml"))
    words += ("--defence", "median:size=3", "--data", str(small_mnist), "--out")
    outcome = run(*words, str(tmp_path / "same"), "--against", "baseline")
    assert outcome.exit_code == USAGE
    outcome = run(*words, str(tmp_path / "report"), "--against", "hardened")
    names = [path.parent.name for path in (tmp_path / "report").rglob("compare.json")]
    assert names, outcome.output
    compared = json.loads(next((tmp_path / "report").rglob("compare.json")).read_text())
    assert [compared[side]["subject"]["name"] for side in ("old", "new")] == [
        "hardened with median:size=3",
        "baseline with median:size=3",
    ]


def test_several_defences_are_refused(tmp_path: Path) -> None:
    """Of two defences none is left out silently, and --list checks the name of one."""
    (tmp_path / "policy.toml").write_text(POLICY)
    words = ("assess", "--model", "baseline", "--policy", str(tmp_path / "policy.toml"), "--list")
    outcome = run(*words, "--defence", "jpeg", "--defence", "median")
    assert outcome.exit_code == USAGE
    assert "expected one --defence, got 2 (jpeg, median)" in str(outcome.output)
    outcome = run(*words, "--defence", "jpg")
    assert outcome.exit_code == USAGE
    assert "expected a defence of jpeg" in str(outcome.output)
    assert run(*words, "--defence", "jpeg").exit_code == 0


def test_wrong_defence_ends_the_command(small_mnist: Path, tmp_path: Path) -> None:
    """A defence that does not exist is a usage error, before anything is measured."""
    words = ("clean_accuracy", "--model", "baseline", "--data", str(small_mnist))
    outcome = run("measure", *words, "--defence", "jpg")
    assert outcome.exit_code == USAGE
    assert "expected a defence of jpeg" in str(outcome.output)
