"""`securemnist threats`: the table, the check and the exports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from securemnist.results.findings import Verdict
from securemnist.results.policy import load
from securemnist.threat_model.exports import FORMATS
from tests.commands import run
from tests.policies import CLEAN, WORST, table
from tests.report.example import assessment, finding, measured
from tests.threat_model.models import HEAD, SCOPE, threat

POLICY = "security_tests/thresholds.toml"


@pytest.fixture
def project(cwd: Path) -> Path:
    """A project of two rows; one threat has CLEAN-01, one has both, one has none."""
    folder = cwd / "security_tests"
    folder.mkdir()
    (folder / "thresholds.toml").write_text(table(CLEAN) + table(WORST))
    threats = threat("T-01", "CLEAN-01") + threat("T-02", "CLEAN-01", "CLEAN-02") + threat("T-03")
    (folder / "threats.toml").write_text(HEAD + SCOPE + threats)
    return cwd


def store(path: Path, **verdicts: bool) -> None:
    """An assessment of the project's policy with these passes and failures; other rows are left out."""
    rows = {row.id: row for row in load(Path(POLICY)).requirements}
    found = [
        finding(rows[name.replace("_", "-")], measured(0.99 if passes else 0.5), "", "clean")
        for name, passes in verdicts.items()
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(assessment(findings=tuple(found)).dumps())


def printed(*words: str) -> dict[str, str]:
    """The status of each threat in the printed table."""
    done = run("threats", *words)
    assert done.exit_code == 0, done.output
    lines = [line for line in done.output.splitlines() if " T-0" in line]
    return {line.split(" T-")[1][:2]: line.split(" T-")[0][2:].strip() for line in lines}


def test_the_table_shows_the_status_of_each_threat(project: Path) -> None:
    """Without an assessment no row was run; with one, its verdicts count."""
    assert printed() == {"01": "not run", "02": "not run", "03": "uncovered"}
    store(project / "reports" / "assessment.json", CLEAN_01=True, CLEAN_02=False)
    assert printed() == {"01": "covered", "02": "failing", "03": "uncovered"}
    store(project / "other.json", CLEAN_01=True)
    assert printed("--assessment", "other.json")["02"] == "not run"
    done = run("threats")
    assert "A small system: 1 failing, 1 uncovered, 1 covered" in done.output
    assert "verdicts of reports/assessment.json: postbox-reader" in done.output


def test_a_verdict_of_another_threshold_does_not_count(project: Path) -> None:
    """After a change of the policy an old pass covers nothing, and the command says so."""
    store(project / "reports" / "assessment.json", CLEAN_01=True, CLEAN_02=True)
    assert printed()["01"] == "covered"
    policy = project / POLICY
    policy.write_text(policy.read_text().replace("at_least = 0.9", "at_least = 0.95", 1))
    assert printed()["01"] == "not run"
    assert "since the policy has changed: CLEAN-01" in run("threats").output


def test_an_assessment_that_is_named_has_to_exist(project: Path) -> None:
    """A missing or broken assessment is a usage error, not a table without verdicts."""
    for name, content in (("none.json", None), ("broken.json", "{")):
        if content is not None:
            (project / name).write_text(content)
        assert run("threats", "--assessment", name).exit_code == 2


def test_a_project_without_a_threat_model(project: Path) -> None:
    """The sentence names the file and the folder; exit code 2."""
    (project / "security_tests" / "threats.toml").unlink()
    done = run("threats")
    assert done.exit_code == 2
    assert "expected a threat model (threats.toml) in the folder of" in done.output


def test_check_names_rows_that_the_policy_lacks(project: Path) -> None:
    """A good model is counted; an unknown row and a broken file end with 2."""
    done = run("threats", "check")
    assert (done.exit_code, "3 threats; uncovered: T-03" in done.output) == (0, True)
    file = project / "security_tests" / "threats.toml"
    good = file.read_text()
    file.write_text(good.replace('"CLEAN-02"', '"CLEAN-22"'))
    done = run("threats", "check")
    assert done.exit_code == 2
    assert (
        "threat T-02: expected rows of security_tests/thresholds.toml, got CLEAN-22" in done.output
    )
    assert printed()["02"] == "uncovered"
    file.write_text(good.replace('"CWE-1039"', '"CWE-9999"'))
    assert "not known here: CWE-9999" in run("threats", "check").output
    file.write_text("title = 1")
    assert run("threats", "check").exit_code == 2


@pytest.mark.parametrize("name", FORMATS)
def test_export_writes_a_file(project: Path, name: str) -> None:
    """Each format of the command line is written as JSON, with the statuses of the assessment."""
    store(project / "reports" / "assessment.json", CLEAN_01=True, CLEAN_02=False)
    done = run("threats", "export", "--format", name, "-o", "out/threats.json")
    assert done.exit_code == 0, done.output
    assert "failing" in json.dumps(json.loads((project / "out" / "threats.json").read_text()))


def test_options_before_a_subcommand_are_not_ignored(project: Path) -> None:
    """An option that would have no effect is refused."""
    assert run("threats", "--policy", POLICY, "check").exit_code == 2
    assert run("threats", "check", "--policy", POLICY).exit_code == 0


def test_statuses_are_those_of_verdicts() -> None:
    """The words that the table prints cover all verdicts."""
    from securemnist.threat_model.status import Status

    assert {status.verdict for status in Status} == set(Verdict)


def test_the_output_says_whose_threat_model_it_is(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy whose threats are shown is named, most of all where it is not the project's."""
    assert f"threat model of {POLICY}, reviewed on 2026-11-01" in run("threats").output
    empty = project / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert "threat model of the bundled policy, reviewed on " in run("threats").output
