"""The command line, typed as its users type it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.commands import run, shell

POLICY = """
[[requirement]]
id = "CLEAN-01"
measure = "clean_accuracy"
digits = 200
at_least = 0.9
because = "an unread digit is not worth defending"
"""
TOY = """
import torch

def make_net():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))

def raises():
    raise RuntimeError("no weights here")

def wrong_shape():
    return torch.nn.Flatten()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with a toy network and a small policy."""
    (tmp_path / "toy.py").write_text(TOY)
    (tmp_path / "small.toml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_measure_writes_everything(folder: Path) -> None:
    """One measurement without a policy prints a number and writes value, interval, seed, evidence."""
    result = run(
        *("measure", "robust_accuracy", "--model", "baseline", "--threat", "linf:0.1"),
        *("--attack", "PGD:steps=5", "--digits", "64", "--seed", "3", "--json", "one.json"),
    )
    assert result.exit_code == 0, result.output
    assert "robust_accuracy 0." in result.output
    seen = json.loads((folder / "one.json").read_text())
    for key in ("value", "low", "high", "n", "seconds", "seed", "doubts", "evidence"):
        assert key in seen
    assert (seen["n"], seen["seed"]) == (64, 3)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["measure", "charm"], "expected a measure of"),
        (
            ["measure", "clean_accuracy", "--demo", "--digits", "10001"],
            "expected 1 to 10000 test digits",
        ),
        (["measure", "clean_accuracy", "--model", "nobody"], "which is no reference model"),
        (["measure", "clean_accuracy", "--model", "gone:make"], "expected a module to import"),
        (["measure", "clean_accuracy", "--model", "toy:gone"], "expected gone in the module"),
        (["measure", "clean_accuracy", "--model", "toy:raises"], "no weights here"),
        (["measure", "clean_accuracy", "--model", "toy:wrong_shape"], "expected logits (1, 10)"),
        (["measure", "clean_accuracy", "--set", "charm=1"], "unknown key 'charm'"),
        (["measure", "robust_accuracy", "--threat", "l7:1"], "expected a norm of linf, l2"),
        (["measure", "robust_accuracy", "--threat", "linf:nan"], "expected 0 <= eps <= 1"),
        (["measure", "clean_accuracy", "--demo", "--device", "cuda"], "expected a CUDA device"),
        (["measure", "clean_accuracy", "--demo", "--data", "nowhere"], "expected a file, got none"),
        (["explain", "charm"], "expected a row, measure, attack or word"),
        (["report", "gone.json"], "cannot be read"),
        (["train", "charm"], "expected a recipe of"),
        (["assess", "--policy", "small.toml"], "expected a model of yours to assess by"),
        (["assess", "--policy", "gone.toml", "--model", "baseline"], "expected a policy"),
        (
            ["assess", "--policy", "small.toml", "--model", "baseline", "--row", "X"],
            "expected a row of",
        ),
        (["assess", "--policy", "small.toml", "--model", "toy:raises"], "no weights here"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_sentence(folder: Path, words: list[str], complaint: str) -> None:
    """What was asked wrongly ends with exit code 2 and one sentence, never a traceback."""
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert complaint in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "words",
    [
        ["assess", "--policy", "small.toml", "--model="],
        ["assess", "--policy", "small.toml", "--model", ""],
        ["assess", "--policy", "small.toml", "--data", ""],
        ["compare", "baseline", ""],
        ["measure", "clean_accuracy", "--data="],
    ],
    ids=" ".join,
)
def test_an_empty_name_is_no_default(folder: Path, words: list[str]) -> None:
    """A variable that a script has not set does not assess the bundled model in place of theirs."""
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert "got an empty one" in result.output


def test_an_empty_name_in_the_project_is_no_default(folder: Path) -> None:
    """Nor does one in the project's settings."""
    (folder / "pyproject.toml").write_text('[tool.securemnist]\nmodel = ""\n')
    result = run("assess")
    assert result.exit_code == 2, result.output
    assert "pyproject.toml: expected [tool.securemnist]" in result.output


def test_explain(folder: Path) -> None:
    """A row, a measure, an attack and a verdict are each explained."""
    words = {
        "CLEAN-01": "because:",
        "robust_accuracy": "threat: required",
        "PGD": "steps: default 40",
        "Square": "arXiv 1912.00049",
        "ladder": "budget standard: FGSM, PGD-10, APGD",
        "art:DeepFool": "max_iter: default 100",
        "inconclusive": "decides nothing",
    }
    for word, expected in words.items():
        result = run("explain", word)
        assert result.exit_code == 0
        assert expected in result.output
    assert "did you mean DeepFool?" in run("explain", "art:DeepFol").output


def test_explain_reads_the_project_s_policy(folder: Path) -> None:
    """A row is looked up in the policy that `assess` would take: the one that pyproject.toml names."""
    (folder / "pyproject.toml").write_text('[tool.securemnist]\npolicy = "small.toml"\n')
    (folder / "small.toml").write_text(POLICY.replace("CLEAN-01", "OURS-01"))
    assert "because: an unread digit" in run("explain", "OURS-01").output


def test_the_list_of_rows_runs_nothing(folder: Path) -> None:
    """--list prints every row with its threshold and an estimate of its time."""
    result = run("assess", "--list", "--policy", "small.toml")
    assert result.exit_code == 0
    assert "CLEAN-01" in result.output
    assert not (folder / "reports").exists()


def test_assess_a_network_of_their_own(folder: Path) -> None:
    """A toy network in a file gets a verdict, a report, JUnit and the exit code of a failure."""
    done = shell(folder, "assess", "--model", "toy:make_net", "--policy", "small.toml")
    assert done.returncode == 1, done.stderr
    assert "CLEAN-01" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    names = {path.name for path in (folder / "reports").iterdir()}
    assert {"index.html", "assessment.json", "junit.xml", "summary.md"} <= names
    again = shell(folder, "report", "reports/assessment.json", "--out", "again")
    assert again.returncode == 0
    first, second = (folder / d / "index.html" for d in ("reports", "again"))
    assert first.read_bytes() == second.read_bytes()


def test_assess_reads_a_model_fixture(folder: Path) -> None:
    """Without --model the `model` fixture of the folder's conftest.py is the subject."""
    (folder / "conftest.py").write_text(
        "import pytest, toy\n\n@pytest.fixture(scope='session')\ndef model():\n"
        "    return toy.make_net()\n"
    )
    assert shell(folder, "assess", "--policy", "small.toml").returncode == 1
    seen = json.loads((folder / "reports" / "assessment.json").read_text())
    assert seen["subject"]["parameters"] == 7_850


def test_a_report_folder_that_cannot_be_written(folder: Path) -> None:
    """A report folder that cannot be is told before anything runs; nothing is lost."""
    (folder / "reports").write_text("the user's own file")
    done = shell(folder, "assess", "--policy", "small.toml", "--model", "baseline")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert (folder / "reports").read_text() == "the user's own file"


def test_a_failed_run_keeps_the_old_report(folder: Path) -> None:
    """When an assessment cannot start, the report of the last one stays whole."""
    (folder / "reports").mkdir()
    (folder / "reports" / "index.html").write_text("the last report")
    assert run("assess", "--model", "toy:raises", "--policy", "small.toml").exit_code == 2
    assert (folder / "reports" / "index.html").read_text() == "the last report"


def test_environment_variables_change_no_threshold(folder: Path) -> None:
    """The policy is what the file says, whatever the environment says."""
    before = dict(os.environ)
    os.environ["SECUREMNIST_CLEAN_01_AT_LEAST"] = "0"
    try:
        assert run("explain", "CLEAN-01", "--policy", "small.toml").output.count(">= 0.9") == 1
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_a_model_that_ends_the_program_decides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A factory or an answer that calls sys.exit(0) is no pass: the code says so, and nothing is left."""
    (tmp_path / "leaver.py").write_text(
        "import sys\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
        "    def forward(self, x):\n        sys.exit(0)\n\n\ndef early():\n    sys.exit(0)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for model, code in (("leaver:early", 2), ("leaver:Net", 3)):
        done = run("assess", "--row", "CLEAN-01", "--model", model, "--out", "reports")
        assert done.exit_code == code, done.output
        assert not (tmp_path / "reports").exists()
