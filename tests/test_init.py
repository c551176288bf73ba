"""The first day in somebody else's repository: `securemnist init`, then `securemnist assess`."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from securemnist import first_policy, measures, policy, scaffold
from securemnist.cli import main
from securemnist.data import DataSet
from securemnist.measures.base import share
from tests.commands import run
from tests.compare.test_commands import TOY
from tests.data.small import write


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a network of its own, and nothing of ours."""
    (tmp_path / "reader.py").write_text(TOY)
    (tmp_path / "requirements.txt").write_text("torch\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "reader", raising=False)
    return tmp_path


def init(*words: str) -> Result:
    """`securemnist init` in this process."""
    return CliRunner().invoke(main, ["init", *words], catch_exceptions=False)


@pytest.mark.timeout(300)
def test_the_first_day(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first measurement becomes a policy that their model meets, and the fixture finds the model."""
    # Beside other tests latency would not be measured, and not proposed.
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    result = init("--model", "reader:good", "--digits", "50")
    assert result.exit_code == 0, result.output
    read = policy.load(project / scaffold.POLICY)
    measures.check_policy(read)
    written = (project / scaffold.POLICY).read_text()
    ids = [row.id for row in read.requirements]
    for proposal in first_policy.PROPOSALS:
        # A row that this weak reader could not fail is a comment, and the command says so.
        assert (proposal.id in ids) != (f'# id = "{proposal.id}"' in written)
        assert (proposal.id in ids) != (f"{proposal.id} is left out" in result.output)
    assert {"CLEAN-01", "CLEAN-02", "BACKDOOR-01", "BACKDOOR-02", "STATIC-01"} <= set(ids)
    clean = read.requirements[0]
    assert "the first measurement gave 0.8" in clean.because
    assert 0.6 < clean.threshold < 0.8
    assert "from reader import good" in (project / "conftest.py").read_text()
    assert '"-r", "requirements.txt"' in (project / "noxfile.py").read_text()
    for name in ("conftest.py", "noxfile.py", scaffold.SUITE):
        ast.parse((project / name).read_text())
    assert assess(project) == 0
    seen = json.loads((project / "reports" / "assessment.json").read_text())
    assert seen["subject"]["parameters"] == 7_850
    # Their own test run takes the suites along: every row of the policy is a test, and here one ran.
    done = shell(project, "pytest", "-m", "clean", "-k", "CLEAN-01", "-rA")
    assert done.returncode == 0, done.stdout
    assert "PASSED security_tests/test_security.py::test_clean_accuracy[CLEAN-01]" in done.stdout


def assess(project: Path) -> int:
    """`securemnist assess` of the model in conftest.py, in a process of its own."""
    return shell(project, "securemnist", "assess", "--row", "CLEAN-01").returncode


def shell(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command as their shell would run it, outside this run's pytest-xdist."""
    command = [sys.executable, "-m", *words]
    env = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    return subprocess.run(
        command, cwd=project, env=env, capture_output=True, text=True, timeout=200
    )


def test_a_row_that_cannot_fail_is_left_out() -> None:
    """A model without robustness gets no threshold of 0: the row is a comment that says why."""
    proposal = next(p for p in first_policy.PROPOSALS if p.id == "ADV-01")
    weak, fair = (share(hits, 500, complete=False, seed=0) for hits in (44, 400))
    text = first_policy.policy([(proposal, weak)], "net", 10_000)
    assert not tomllib.loads(text)
    assert "# Left out: robust_accuracy 0.0880 leaves no threshold that could fail" in text
    assert tomllib.loads(first_policy.policy([(proposal, fair)], "net", 10_000))["requirement"]


def test_a_rate_that_asks_for_nothing_is_left_out() -> None:
    """A model that a mark steers four times in five gets no row that would allow it that."""
    proposal = next(p for p in first_policy.PROPOSALS if p.id == "BACKDOOR-01")
    for hits, rows in ((800, 0), (20, 1)):
        seen = share(hits, 1000, complete=False, seed=0)
        text = first_policy.policy([(proposal, seen)], "net", 10_000)
        assert len(tomllib.loads(text).get("requirement", [])) == rows


def test_a_backdoor_is_no_baseline() -> None:
    """What a backdoor for one class of ten gives is not written down as what a model may do."""
    proposal = next(p for p in first_policy.PROPOSALS if p.id == "BACKDOOR-01")
    seen = share(222, 2_000, complete=False, seed=0)
    text = first_policy.policy([(proposal, seen)], "net", 10_000)
    assert not tomllib.loads(text)
    assert "is what a backdoor for one class would give" in text


def test_a_number_without_a_verdict_is_left_out() -> None:
    """A row whose first measurement decided nothing stands as a comment with the reason."""
    proposal = next(p for p in first_policy.PROPOSALS if p.id == "CLEAN-02")
    seen = share(99, 100, complete=False, seed=0, inconclusive="no digit of class 3 was measured")
    text = first_policy.policy([(proposal, seen)], "net", 10_000)
    assert not tomllib.loads(text)
    assert "# Left out: no digit of class 3 was measured; mend that, then set CLEAN-02." in text


def test_nothing_is_overwritten(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are there stay; what they lack is printed. A policy that is there ends the command."""
    monkeypatch.setattr(first_policy, "PROPOSALS", first_policy.PROPOSALS[:1])
    (project / "conftest.py").write_text("# mine\n")
    result = init("--model", "reader:good")
    assert (project / "conftest.py").read_text() == "# mine\n"
    assert "from reader import good" in result.output
    again = init("--model", "reader:good")
    assert again.exit_code == 2
    assert "expected no policy yet" in again.output


def test_a_gate_without_a_model_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy of their own is never held against a bundled model because nothing names theirs."""
    monkeypatch.setattr(first_policy, "PROPOSALS", first_policy.PROPOSALS[:1])
    (project / "conftest.py").write_text("# mine, without a model\n")
    result = init("--model", "reader:good")
    assert "first: put the fixture above into conftest.py" in result.output
    wanted = "expected a model of yours to hold against security_tests/thresholds.toml, got none"
    for done in (run("assess"), run("assess", "--row", "CLEAN-01")):
        assert done.exit_code == 2
        assert wanted in done.output
    assert wanted in shell(project, "pytest", "-m", "clean").stderr
    done = run("measure", "clean_accuracy", "--digits", "50")
    assert done.exit_code == 2
    assert "expected a model to measure, got none" in done.output
    (project / "pyproject.toml").write_text('[tool.securemnist]\nmodel = "reader:good"\n')
    done = run("assess", "--row", "CLEAN-01")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("reader:good (")


def test_data_of_their_own(project: Path, mnist: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate on other data measures all digits that there are, and its noxfile names the data."""
    monkeypatch.setattr(first_policy, "PROPOSALS", first_policy.PROPOSALS[:1])
    folder = project / "my data"
    folder.mkdir()
    write(folder, mnist.train[:600], mnist.test[:60])
    result = init("--model", "reader:good", "--data", "my data")
    assert result.exit_code == 0, result.output
    assert "next: securemnist assess --tier smoke --data 'my data'" in result.output
    assert '"--data", "my data", *session.posargs' in (project / "noxfile.py").read_text()
    done = run("assess", "--data", "my data")
    assert done.exit_code in (0, 1), done.output
    seen = json.loads((project / "reports" / "assessment.json").read_text())
    assert seen["findings"][0]["measurement"]["n"] == 60


def test_a_weight_file_is_a_model_too() -> None:
    """The fixture of a SPEC that is no factory resolves it."""
    text = scaffold.conftest("A@weights.safetensors")
    ast.parse(text)
    assert 'subjects.resolve("A@weights.safetensors")' in text
