"""Default model and policy of commands, and their names in outputs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from securemnist._util import resources
from securemnist.project import settings
from tests.commands import module, run, shell
from tests.policies import CLEAN, table

ROW = table(CLEAN, id='"OURS-01"', images="200", at_least="0.5")
TOY = """
import torch

def make_net():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
"""
CONFTEST = """
import pytest, toy

@pytest.fixture(scope="session")
def model():
    return toy.make_net()
"""
ONE_ROW = ("--row", "CLEAN-01")


@pytest.fixture
def folder(cwd: Path) -> Path:
    """A folder with a network, and neither policy nor conftest."""
    (cwd / "toy.py").write_text(TOY)
    return cwd


@pytest.mark.parametrize(
    "command", [["assess"], ["assess", *ONE_ROW], ["measure", "clean_accuracy"]]
)
def test_missing_model_is_refused(folder: Path, command: list[str]) -> None:
    """Without a model the command ends with exit code 2 and one sentence, not with the bundled model."""
    done = run(*command)
    assert done.exit_code == 2
    assert "got none" in done.output
    assert "--demo" in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not (folder / "reports").exists()


def test_plain_pytest_with_the_bundled_policy_needs_a_model(folder: Path) -> None:
    """Pytest with the bundled policy does not assess the bundled model by default."""
    suites = shutil.copytree(resources.SUITES, folder / "suites")
    words = (str(suites), "--security-policy", str(resources.POLICY), "-k", "CLEAN-01")
    done = module(folder, "pytest", *words)
    assert done.returncode == 4, done.stdout
    assert "expected a model of yours to assess by the bundled policy, got none" in done.stderr


def test_demo_names_the_bundled_policy(folder: Path) -> None:
    """--demo assesses the bundled model; terminal, summary, page and JSON name the bundled policy.

    In a project with a policy of its own, too.
    """
    (folder / "security_tests").mkdir()
    (folder / "security_tests" / "thresholds.toml").write_text(ROW)
    done = shell(folder, "assess", "--demo", *ONE_ROW)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("certified (")
    assert f"held against {settings.BUNDLED}" in done.stdout
    reports = folder / "reports"
    document = json.loads((reports / "assessment.json").read_text())
    assert document["policy"]["path"] == settings.BUNDLED
    texts = [done.stdout, *((reports / name).read_text() for name in ("summary.md", "index.html"))]
    for text in texts:
        assert settings.BUNDLED in text
        assert "thresholds.toml" not in text
    assert "--policy=bundled" in document["findings"][0]["replay"]


def test_own_model_on_the_bundled_policy_says_so(folder: Path) -> None:
    """--model in a folder without a policy uses the bundled policy, and the output says so."""
    done = shell(folder, "assess", "--model", "toy:make_net", *ONE_ROW)
    assert done.returncode == 1
    assert "toy:make_net" in done.stdout
    assert f"held against {settings.BUNDLED}" in done.stdout


def test_deleted_policy_is_not_replaced(folder: Path) -> None:
    """A request that deletes the policy does not get the bundled policy instead."""
    (folder / "conftest.py").write_text(CONFTEST)
    done = run("assess", *ONE_ROW)
    assert done.exit_code == 2
    assert "expected a policy beside the model of this project" in done.output
    (folder / "conftest.py").unlink()
    (folder / "pyproject.toml").write_text('[tool.securemnist]\nmodel = "toy:make_net"\n')
    done = run("assess", *ONE_ROW)
    assert done.exit_code == 2
    assert settings.BUNDLED in done.output
    done = shell(folder, "assess", "--policy", "bundled", *ONE_ROW)
    assert done.returncode == 1
    assert f"held against {settings.BUNDLED}" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["assess", "--demo", "--model", "baseline"],
        ["assess", "--demo", "--policy", "own.toml"],
        ["measure", "clean_accuracy", "--demo", "--model", "baseline"],
    ],
    ids=" ".join,
)
def test_demo_with_model_or_policy_is_refused(folder: Path, words: list[str]) -> None:
    """--demo with --model or --policy is refused: one of them would be ignored."""
    (folder / "own.toml").write_text(ROW)
    done = run(*words)
    assert done.exit_code == 2
    assert "leave one of them out" in done.output


def test_policy_name_in_outputs(folder: Path) -> None:
    """A policy is named by its path in the project, by its folder elsewhere, or as the bundled one."""
    inside, outside = folder / "mine" / "t.toml", folder.parent / "theirs" / "thresholds.toml"
    assert settings.policy_name(inside, folder) == "mine/t.toml"
    assert settings.policy_name(outside, folder) == "theirs/thresholds.toml"
    assert settings.policy_name(resources.POLICY, folder) == settings.BUNDLED
    own = settings.policy_name(resources.POLICY, resources.ROOT)
    assert own == "security_tests/thresholds.toml"


def test_default_model_exists_in_the_checkout_only(folder: Path) -> None:
    """`nox -s security` in the checkout needs no option; in other folders a model is required."""
    project = settings.Settings()
    assert project.model_for(resources.POLICY, resources.ROOT) == settings.DEFAULT_MODEL
    assert project.model_for(resources.POLICY, folder) is None
    assert project.model_for(folder / "own.toml", resources.ROOT) is None
