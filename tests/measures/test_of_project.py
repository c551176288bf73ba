"""Measures of a project's files, which need no model."""

from __future__ import annotations

from pathlib import Path

import pytest

import securemnist as sm
from securemnist.measures import MEASURES
from securemnist.models.loading import Subject
from tests.commands import run

OF_PROJECT = [name for name, measure in MEASURES.items() if measure.of_project]
# Of the project below: the loader, which is a finding of Bandit or Semgrep, too, and the dependency.
LEAST = {"unsafe_loaders": 1, "static_findings": 1, "unpinned_dependencies": 1}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an unsafe loader and a dependency without a version."""
    (tmp_path / "load.py").write_text("import pickle\n\nmodel = pickle.load(open('model', 'rb'))\n")
    (tmp_path / "requirements.txt").write_text("numpy\n")
    return tmp_path


@pytest.mark.parametrize("name", OF_PROJECT)
def test_files_are_measured_without_a_model(name: str, project: Path) -> None:
    """What is wrong in a project is found without a model."""
    found = sm.measure(name, project=project, progress=False)
    assert found.value >= LEAST.get(name, 0)
    assert found.subject == {}


def test_a_model_changes_nothing(project: Path, baseline: Subject) -> None:
    """Beside a model, number and evidence of the files are the same."""
    alone, beside = (
        sm.measure("unpinned_dependencies", model, project=project, progress=False)
        for model in (None, baseline)
    )
    assert (alone.value, alone.n, alone.evidence) == (beside.value, beside.n, beside.evidence)
    assert beside.subject["name"] == "baseline"


def test_the_command_needs_no_model(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`securemnist measure` takes them as it is; a measure of a model still asks for one."""
    monkeypatch.chdir(project)
    done = run("measure", "unpinned_dependencies", "--set", "installed=false")
    assert done.exit_code == 0, done.output
    assert "unpinned_dependencies 1 count" in done.output
    assert run("measure", "clean_accuracy").exit_code == 2
