"""`securemnist accept`: the baseline of a row, written by a command."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from securemnist import measures
from securemnist.cli import main
from securemnist.errors import PolicyError
from securemnist.results import policy
from tests.policies import STATIC, table
from tests.static.conftest import PICKLE_DEMO, Write
from tests.static.test_measure import no_model

POLICY = table(
    {**STATIC, "paths": '["src"]', "tools": '["bandit"]', "level": '"medium"'},
    at_most="0",
    baseline='"ci/baseline.json"',
) + table(STATIC, id='"STATIC-02"', at_most="0")


def accept(row: str) -> Result:
    """The command in the working folder."""
    return CliRunner().invoke(main, ["accept", row], catch_exceptions=False)


def test_accept_writes_baseline(write: Write) -> None:
    """A row with a missing baseline is an ERROR until the command writes it."""
    here = write({"security_tests/thresholds.toml": POLICY, "src/old.py": PICKLE_DEMO})
    row = policy.load(here / "security_tests" / "thresholds.toml").rows("static_findings")[0]
    settings = measures.bind(row.measure, row.settings)
    with pytest.raises(PolicyError, match="write it with `securemnist accept ROW`, where ROW is"):
        measures.take_measurement(no_model(), row.measure, settings, 0)
    result = accept("STATIC-01")
    assert result.exit_code == 0
    assert "ci/baseline.json: 1 findings accepted" in result.output
    (entry,) = json.loads((here / "ci" / "baseline.json").read_text())["accepted"]
    assert (entry["file"], entry["rule"]) == ("src/old.py", "B301")
    assert measures.take_measurement(no_model(), row.measure, settings, 0).value == 0


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("ADV-01", "expected a static_findings row of .* (STATIC-01, STATIC-02), got 'ADV-01'"),
        (
            "STATIC-02",
            "row STATIC-02: expected a `baseline` file to write, got None; add baseline =",
        ),
    ],
)
def test_accept_refuses_row_without_baseline(write: Write, row: str, words: str) -> None:
    """Another row, or one without `baseline`, is a usage error in one sentence."""
    write({"security_tests/thresholds.toml": POLICY, "src/old.py": PICKLE_DEMO})
    result = accept(row)
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    for part in words.split(".*"):
        assert part in result.output


def test_accept_without_a_static_row(write: Write) -> None:
    """A policy without such a row is said to have none."""
    text = POLICY.replace("static_findings", "unsafe_loaders").replace("STATIC", "SUPPLY")
    here = write({"security_tests/thresholds.toml": text})
    result = accept("STATIC-01")
    assert result.exit_code == 2
    assert f"{here / 'security_tests/thresholds.toml'} (it has none), got" in result.output


def test_accept_from_subfolder(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command reads and writes the project of the policy from any folder."""
    here = write({"security_tests/thresholds.toml": POLICY, "src/old.py": PICKLE_DEMO})
    monkeypatch.chdir(here / "src")
    words = ["accept", "STATIC-01", "--policy", "../security_tests/thresholds.toml"]
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    assert "1 findings accepted" in result.output
    assert (here / "ci" / "baseline.json").is_file()
