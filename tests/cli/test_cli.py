"""The command line: measure, explain, assess, errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import run, shell
from tests.data import small
from tests.policies import CLEAN, table

POLICY = table(CLEAN, images="200")
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
def folder(cwd: Path) -> Path:
    """A user's folder with a toy network and a small policy."""
    (cwd / "toy.py").write_text(TOY)
    (cwd / "small.toml").write_text(POLICY)
    return cwd


def test_measure_prints_and_writes_the_measurement(folder: Path, small_mnist: Path) -> None:
    """A measurement without a policy prints a number and writes value, interval, seed, evidence."""
    result = run(
        *("measure", "robust_accuracy", "--model", "toy:make_net", "--threat", "linf:0.1"),
        *("--attack", "PGD:steps=5", "--images", "4", "--seed", "3", "--json", "one.json"),
        *("--data", str(small_mnist)),
    )
    assert result.exit_code == 0, result.output
    assert "robust_accuracy 0." in result.output
    document = json.loads((folder / "one.json").read_text())
    for key in ("value", "low", "high", "n", "seconds", "seed", "doubts", "evidence"):
        assert key in document
    assert (document["n"], document["seed"]) == (4, 3)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["measure", "charm"], "expected a measure such as"),
        (
            ["measure", "clean_accuracy", "--demo", "--images", "10001"],
            "expected 1 to 10000 test images",
        ),
        (["measure", "clean_accuracy", "--model", "nobody"], "which is no reference model"),
        (["measure", "clean_accuracy", "--model", "gone:make"], "expected a module to import"),
        (["measure", "clean_accuracy", "--model", "toy:gone"], "expected 'gone' in the module"),
        (["measure", "clean_accuracy", "--model", "toy:raises"], "no weights here"),
        (["measure", "clean_accuracy", "--model", "toy:wrong_shape"], "expected logits (1, 10)"),
        (["measure", "clean_accuracy", "--set", "charm=1"], "unknown key 'charm'"),
        (["measure", "robust_accuracy", "--threat", "l7:1"], "expected a norm of linf, l2"),
        (["measure", "robust_accuracy", "--threat", "linf:nan"], "expected 0 <= eps <= 1"),
        (["measure", "clean_accuracy", "--demo", "--device", "cuda"], "expected a CUDA device"),
        (
            ["measure", "clean_accuracy", "--demo", "--data", "nowhere"],
            "expected a folder of IDX files",
        ),
        (["explain", "charm"], "expected a row, measure, attack, defence or term"),
        (["report", "gone.json"], "cannot be read"),
        (["train", "charm"], "expected one of the recipes"),
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
def test_usage_error_is_one_sentence(folder: Path, words: list[str], complaint: str) -> None:
    """A usage error ends with exit code 2 and one sentence, without a traceback."""
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
def test_empty_option_value_is_refused(folder: Path, words: list[str]) -> None:
    """An empty option value, as from an unset variable, does not select the bundled model."""
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert "got an empty one" in result.output


@pytest.mark.parametrize(
    ("setting", "named"),
    [('model = ""', "got: model: "), ('dta = "x"', "got: the key 'dta'; fix it")],
)
def test_wrong_setting_is_refused(folder: Path, setting: str, named: str) -> None:
    """An empty or misspelt setting of the project is named, and does not select a default."""
    (folder / "pyproject.toml").write_text(f"[tool.securemnist]\n{setting}\n")
    result = run("assess")
    assert result.exit_code == 2, result.output
    assert "pyproject.toml: expected [tool.securemnist]" in result.output
    assert named in result.output


def test_explain_rows_measures_attacks_verdicts(folder: Path) -> None:
    """A row, a measure, an attack and a verdict are each explained."""
    words = {
        "CLEAN-01": "because:",
        "ADV-07": 'threats = [{ norm = "linf", eps = 0.1 }, { norm = "l2", eps = 0.5 }',
        "robust_accuracy": "defence: optional\n  threat: required",
        "static_findings": "`level`: the lowest severity that counts",
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


def test_explain_reads_the_project_policy(folder: Path) -> None:
    """A row is looked up in the policy of pyproject.toml, as by `assess`."""
    (folder / "pyproject.toml").write_text('[tool.securemnist]\npolicy = "small.toml"\n')
    (folder / "small.toml").write_text(POLICY.replace("CLEAN-01", "OURS-01"))
    assert "because: of it" in run("explain", "OURS-01").output


def test_list_prints_rows_and_measures_nothing(folder: Path) -> None:
    """--list prints every row with its threshold and an estimate of its time."""
    result = run("assess", "--list", "--policy", "small.toml")
    assert result.exit_code == 0
    assert "CLEAN-01" in result.output
    assert not (folder / "reports").exists()


@pytest.mark.parametrize(
    ("change", "options", "expected"),
    [
        ("images = 20000", (), "expected at most 10,000 samples"),
        ("seeds = 3", (), "unknown key 'seeds'"),
        ("", ("--row", "X"), "expected a row of small.toml"),
        ("", ("--data", "nowhere"), "expected a folder of IDX files"),
        ("", ("--replay", "nowhere"), "nowhere"),
    ],
    ids=["too many samples", "unknown key", "unknown row", "no data", "no stored examples"],
)
def test_list_refuses_what_a_run_refuses(
    folder: Path, change: str, options: tuple[str, ...], expected: str
) -> None:
    """A policy, row, data set or replay folder that `assess` refuses is refused by --list as well."""
    (folder / "small.toml").write_text(f"{POLICY.replace('images = 200', '')}{change}\n")
    result = run("assess", "--list", "--policy", "small.toml", *options)
    assert result.exit_code == 2, result.output
    assert expected in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_assess_a_network_of_the_user(folder: Path, small_mnist: Path) -> None:
    """A toy network in a file gets a verdict, a report, JUnit and the exit code of a failure."""
    (folder / "pyproject.toml").write_text(small.settings(small_mnist))
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


def test_assess_reads_a_model_fixture(folder: Path, small_mnist: Path) -> None:
    """Without --model the `model` fixture of the folder's conftest.py is the subject."""
    (folder / "pyproject.toml").write_text(small.settings(small_mnist))
    (folder / "conftest.py").write_text(
        "import pytest, toy\n\n@pytest.fixture(scope='session')\ndef model():\n"
        "    return toy.make_net()\n"
    )
    assert shell(folder, "assess", "--policy", "small.toml").returncode == 1
    document = json.loads((folder / "reports" / "assessment.json").read_text())
    assert document["subject"]["parameters"] == 7_850


def test_unwritable_report_folder_is_refused_first(folder: Path) -> None:
    """An unwritable report folder is refused before anything runs; the user's file is kept."""
    (folder / "reports").write_text("the user's own file")
    done = shell(folder, "assess", "--policy", "small.toml", "--model", "baseline")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert (folder / "reports").read_text() == "the user's own file"


def test_refused_run_keeps_the_old_report(folder: Path) -> None:
    """If an assessment cannot start, the report of the last one is kept."""
    (folder / "reports").mkdir()
    (folder / "reports" / "index.html").write_text("the last report")
    assert run("assess", "--model", "toy:raises", "--policy", "small.toml").exit_code == 2
    assert (folder / "reports" / "index.html").read_text() == "the last report"


def test_environment_variables_change_no_threshold(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thresholds come from the policy file only, whatever the environment."""
    monkeypatch.setenv("SECUREMNIST_CLEAN_01_AT_LEAST", "0")
    assert run("explain", "CLEAN-01", "--policy", "small.toml").output.count(">= 0.9") == 1


def test_model_that_calls_exit_does_not_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A factory or forward pass that calls sys.exit(0) ends with 2 or 3, without a report."""
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
