"""Requests and merges in a small project, by the jobs of docs/ci."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.changed_models import BETTER, WORSE
from tests.ci.repository import SPY, checkout, git, project, record, stored
from tests.ci.services import SECRET, SERVICES, Service, run
from tests.comparison.test_commands import POLICY, TOY


def gate(
    service: Service, origin: Path, folder: Path, tools: Path, model: str
) -> tuple[int, str, Path]:
    """The jobs of a pull request that has another model answer: exit code, output, the checkout.

    The request brings a baseline and a report of its own.
    """
    work = checkout(origin, folder)
    (work / "reports").mkdir()
    (work / "reports" / "assessment.json").write_text("a report of the request")
    (work / "reports" / "badge.svg").write_text("its badge")
    (work / "reader.py").write_text(TOY + SPY + model)
    (work / "security").mkdir()
    (work / "security" / "baseline.json").write_text("an edited baseline")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "A new release")
    variables = service.variables | service.request
    code, output = run(service.baseline, work, tools, variables)
    assert code == 0, output
    code, output = run(service.measure, work, tools, variables)
    ended, more = run(service.comment, work, tools, variables | {"COMMENT_TOKEN": "comment"})
    assert ended == 0, more
    return code, output, work


@pytest.mark.timeout(600)
def test_worse_model_is_blocked(origin: Path, tools: Path, tmp_path: Path) -> None:
    """The threshold is met, the drop is too large: the job fails, and the comment says why."""
    service = SERVICES["gitlab"]  # its jobs have a token in their environment
    code, output, work = gate(service, origin, tmp_path, tools, WORSE)
    assert code == 1, output
    comment = (work / "reports" / "compare.md").read_text()
    assert "Do not replace the old one" in comment
    assert "max\\_drop 0.05: FAIL" in comment
    assert "reports/compare.md" in (work / "notes").read_text()
    # The code of the request ran, and found no token in its environment or in its checkout.
    spied = (work / "spied").read_text()
    assert "PATH" in spied
    for secret in (SECRET, "COMMENT_TOKEN", "RECORD_TOKEN", "GH_TOKEN"):
        assert secret not in spied


@pytest.mark.timeout(600)
def test_better_model_passes(origin: Path, tools: Path, tmp_path: Path) -> None:
    """A model that classifies more samples correctly passes, and the comment says so."""
    service = SERVICES["github"]
    code, output, work = gate(service, origin, tmp_path, tools, BETTER)
    assert code == 0, output
    comment = (work / "reports" / "compare.md").read_text()
    assert "May replace the old one" in comment
    assert "2 better" in comment
    assert "reports/compare.md" in (work / "notes").read_text()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_request_that_ends_the_process_is_blocked(
    service: Service, origin: Path, tools: Path, tmp_path: Path
) -> None:
    """Code that exits with 0 before there is a report does not pass by a report in the request."""
    end = "\nos._exit(0)\n"
    code, output, work = gate(service, origin, tmp_path, tools, end)
    assert code == 3, output
    assert not (work / "reports" / "assessment.json").exists()
    # The comment of an earlier push does not stand for this one.
    assert "none.md" in (work / "notes").read_text()
    assert "Nothing was assessed" in (work / "none.md").read_text()


@pytest.mark.timeout(600)
def test_request_without_a_baseline_uses_thresholds_only(tools: Path, tmp_path: Path) -> None:
    """Without a record branch, only the thresholds apply to a request."""
    work = project(tmp_path, POLICY)
    service = SERVICES["gitlab"]
    (work / "new").mkdir()
    code, output, checked_out = gate(service, tmp_path / "bare.git", work / "new", tools, "")
    assert code == 0, output
    assert not (checked_out / "reports" / "compare.md").exists()
    assert "reports/summary.md" in (checked_out / "notes").read_text()


@pytest.mark.timeout(600)
def test_failing_merge_is_recorded(tools: Path, tmp_path: Path) -> None:
    """A merged model that fails is the next baseline; the job fails, and main is never pushed to."""
    work = project(tmp_path, POLICY.replace("at_least = 0.5", "at_least = 1.0"))
    origin = tmp_path / "bare.git"
    head = ["git", "rev-parse", "main"]
    before = subprocess.run(head, cwd=origin, check=True, capture_output=True, text=True).stdout
    measured, kept, output = record(SERVICES["gitlab"], work, tools, tmp_path / "store")
    assert (measured, kept) == (1, 0), output
    assert json.loads(stored(origin, "baseline.json"))["exit_code"] == 1
    assert stored(origin, "history.jsonl").count("\n") == 1
    assert ">failed " in stored(origin, "badge.svg")
    after = subprocess.run(head, cwd=origin, check=True, capture_output=True, text=True).stdout
    assert after == before


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_rewritten_history_is_not_stored(
    service: Service, origin: Path, tools: Path, tmp_path: Path
) -> None:
    """A history with changed earlier lines from the measuring job is not stored."""
    kept = checkout(origin, tmp_path)
    target = (kept / "made" if service is SERVICES["github"] else kept) / "record"
    target.mkdir(parents=True)
    (target / "baseline.json").write_text("{}")
    (target / "history.jsonl").write_text("{}\n" * 1_000)
    before = stored(origin, "history.jsonl")
    code, output = run(service.store, kept, tools, service.variables | {"RECORD_TOKEN": "store"})
    assert code == 1, output
    assert stored(origin, "history.jsonl") == before
