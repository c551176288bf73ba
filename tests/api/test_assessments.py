"""Assessments and comparisons by the library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import securemnist as sm
from securemnist import errors
from securemnist.assessing import claims
from securemnist.results.verdicts import Verdict
from tests.api.rows import ATTACK, CLEAN, SEARCH
from tests.commands import shell
from tests.small_network import small_network


def test_an_assessment_is_that_of_the_command_line(
    cwd: Path, policy: Path, small_mnist: Path
) -> None:
    """`assess` gives the findings of `securemnist assess`, claim, scope and evidence included."""
    policy.write_text((CLEAN + ATTACK).replace("at_least", "images = 50\nat_least") + SEARCH)
    assessment = sm.assess("baseline", str(small_mnist), policy=policy)
    found = json.loads(json.dumps(assessment.to_json()))
    words = ("--policy", str(policy), "--data", str(small_mnist))
    done = shell(cwd, "assess", "--model", "baseline", *words)
    assert done.returncode == assessment.exit_code == 0
    other = json.loads((cwd / "reports" / "assessment.json").read_text())
    for record in (found, other):
        for finding in record["findings"]:
            finding["replay"] = ""
            _without_times(finding["measurement"])
        assert record["environment"].pop("time")
        record["policy"].pop("path")
        record["scope"].pop("paths")
    assert found == other


def _without_times(value: Any) -> None:
    """Remove seconds, wherever they are."""
    if isinstance(value, dict):
        value.pop("seconds", None)
        for part in value.values():
            _without_times(part)
    elif isinstance(value, list):
        for part in value:
            _without_times(part)


def test_rows_and_scope(images: tuple[torch.Tensor, torch.Tensor], policy: Path) -> None:
    """A row that was not asked for is NOT_RUN and out of scope; an unknown one is refused."""
    found = sm.assess(small_network(), images, policy=policy, rows=["CLEAN-01"])
    assert [finding.in_scope for finding in found.findings] == [True, False, False]
    assert {str(finding.verdict) for finding in found.findings[1:]} == {"NOT_RUN"}
    assert found.findings[0].claim == claims()["clean_accuracy"]
    for wrong in ({"rows": ["X"]}, {"rows": "CLEAN-01"}, {"tier": "huge"}, {"rows": ["ADV-02"]}):
        with pytest.raises(errors.UsageError, match="expected"):
            sm.assess(small_network(), images, policy=policy, **wrong)  # type: ignore[arg-type]


def test_a_row_that_raises_is_an_error(
    images: tuple[torch.Tensor, torch.Tensor], policy: Path
) -> None:
    """An exception, or the end of the program, in one row is that row's ERROR; others are measured."""

    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = small_network()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.requires_grad:
                raise SystemExit(0)
            logits: torch.Tensor = self.network(x)
            return logits

    policy.write_text(CLEAN.replace("0.2", "0.16") + ATTACK)
    found = sm.assess(Late(), images, policy=policy)
    assert found.findings[0].measurement is not None
    assert found.findings[1].verdict is Verdict.ERROR
    assert "SystemExit" in found.findings[1].reason
    assert found.exit_code != 0


def test_an_interruption_keeps_what_was_measured(
    images: tuple[torch.Tensor, torch.Tensor], policy: Path, tmp_path: Path
) -> None:
    """Ctrl-C leaves the rows that are left NOT_RUN, and no whole report is replaced by the rest."""

    def stop(what: str, _done: int, _total: int) -> None:
        if what == "PGD":
            raise KeyboardInterrupt

    found = sm.assess(small_network(), images, policy=policy, progress=stop)
    assert found.interrupted
    assert found.exit_code != 0
    assert found.findings[0].measurement is not None
    assert found.findings[1].verdict is Verdict.NOT_RUN
    whole = sm.assess(small_network(), images, policy=policy)
    page = whole.save(tmp_path / "report")
    assert page.stat().st_size > 1_000
    with pytest.raises(errors.UsageError, match="interrupted"):
        found.save(tmp_path / "report")
    again = sm.Assessment.load(tmp_path / "report" / "assessment.json")
    assert again.to_json() == whole.to_json()
    for name, content in whole.files.items():
        assert (tmp_path / "report" / name).read_bytes() == content


def test_a_policy_that_does_not_fit(
    images: tuple[torch.Tensor, torch.Tensor], policy: Path
) -> None:
    """The bundled policy is for other data, and a policy is a file or what was read of one."""
    with pytest.raises(errors.UsageError, match="data"):
        sm.assess(small_network(), images, policy="bundled")
    with pytest.raises(errors.PolicyError, match="got int"):
        sm.assess(small_network(), images, policy=3)  # type: ignore[arg-type]
    read = sm.load_policy(policy)
    assert [row.id for row in read.requirements] == ["CLEAN-01", "ADV-01", "ADV-02"]
    assert (
        sm.assess(small_network(), images, policy=read, rows=["CLEAN-01"]).findings[0].measurement
    )


def test_two_versions(
    images: tuple[torch.Tensor, torch.Tensor], policy: Path, tmp_path: Path
) -> None:
    """Models and their stored assessments compare alike, and examples of one are tried on the other."""
    policy.write_text(CLEAN)
    sides = [sm.assess(small_network(seed), images, policy=policy) for seed in (0, 1)]
    stored = sm.compare(*sides)
    found = sm.compare(small_network(0), small_network(1), data=images, policy=policy)
    assert [str(change) for change in found.changes] == [str(change) for change in stored.changes]
    assert found.exit_code == stored.exit_code
    assert found.save(tmp_path / "out").is_file()
    sides[0].save(tmp_path / "old")
    named = sm.compare(str(tmp_path / "old" / "assessment.json"), sides[1])
    assert named.to_json() == stored.to_json()
    with pytest.raises(errors.UsageError, match="expected a policy"):
        sm.compare(small_network(0), small_network(1), data=images)
    with pytest.raises(errors.UsageError, match="same one twice"):
        sm.compare(sides[0], sides[0])


def test_a_spec_that_gives_another_model_is_not_compared(
    tmp_path: Path,
    images: tuple[torch.Tensor, torch.Tensor],
    policy: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model that is built at random was assessed, but another one would be replayed: refused."""
    policy.write_text(CLEAN)
    layers = "torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))"
    code = f"import torch\n\ndef net():\n    torch.seed()\n    return {layers}\n"
    (tmp_path / "dice.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(errors.UsageError, match="dice:net: expected the model that was assessed"):
        sm.compare(small_network(0), "dice:net", data=images, policy=policy)
