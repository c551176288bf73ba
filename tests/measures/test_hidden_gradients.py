"""Rows of models that hide their gradients: what settles the doubt, and where further stages run."""

from __future__ import annotations

import dataclasses

import pytest

from securemnist.attacks.pgd import PGD
from securemnist.attacks.square import Square
from securemnist.attacks.through_steps import ThroughSteps
from securemnist.data import DataSet
from securemnist.evaluation.adaptive_stages import STAGES
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts.check_input import SearchCase
from securemnist.evaluation.doubts.convergence import doubled_queries
from securemnist.evaluation.ladder_run import LadderRun
from securemnist.evaluation.stages import Search
from securemnist.measures import bind, hidden_gradients, robustness
from securemnist.measures.hidden_gradients import settle_gradients
from securemnist.measures.robustness import last_stage
from securemnist.models import loading
from securemnist.models.loading import from_model
from securemnist.results.evidence.attack import StageResult
from securemnist.results.findings import Doubt, Finding, Requirement, Verdict
from securemnist.threats import Linf
from tests.measures.test_defended import few, measured, rounded, without_search_doubts  # noqa: F401

STAGE = ThroughSteps(attack=PGD(steps=10, loss="margin"))
MILD = {"threat": {"norm": "linf", "eps": 0.1}, "images": 4, "attack": {"use": "PGD", "steps": 10}}


@pytest.fixture(autouse=True)
def one_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """One short stage instead of five long ones."""
    for module in (hidden_gradients, robustness):
        monkeypatch.setattr(module, "STAGES", (STAGE,))


@pytest.fixture
def context(few: DataSet) -> Context:  # noqa: F811
    """A network that withstands small perturbations."""
    return Context(loading.resolve("hardened"), few)


def test_rounded_pixels_are_settled(context: Context) -> None:
    """A network behind rounded pixels passes: attacks went through the rounding, and the row says so."""
    found = measured(context, defence={"use": "bit-depth", "bits": 8}, **MILD)
    row = Requirement(id="R", measure="robust_accuracy", because="", at_least=0.3)
    assert found.evidence.settled
    assert row.judge(found).verdict is Verdict.PASS
    assert found.settled in str(row.judge(found))
    stored = Finding.from_json(row.judge(found).to_json()).measurement
    assert stored is not None
    assert stored.settled == found.settled != ""


def test_threshold_stays_doubted(context: Context) -> None:
    """A threshold, whose gradient no copy gives, passes nothing: the doubt stays."""
    found = measured(context, defence={"use": "bit-depth", "bits": 1}, **MILD)
    row = Requirement(id="R", measure="robust_accuracy", because="", at_least=0.3)
    assert "gradients" in {doubt.name for doubt in found.doubts}
    assert not found.evidence.settled
    assert row.judge(found).verdict is Verdict.INCONCLUSIVE


@pytest.mark.usefixtures("without_search_doubts")
def test_limited_time_has_further_stages(few: DataSet) -> None:  # noqa: F811
    """A row with a time limit attacks through rounding, too, chunk by chunk."""
    found = measured(Context(from_model(rounded(), name="rounded"), few), seconds=60)
    assert found.value == 0
    assert STAGE.name in [counts.stage for counts in found.evidence.waterfall]


@pytest.mark.usefixtures("without_search_doubts")
def test_curve_has_further_stages(few: DataSet) -> None:  # noqa: F811
    """Points of the curve count what further stages break, as the row itself does."""
    found = measured(Context(from_model(rounded(), name="rounded"), few), curve=[0.3])
    assert [point.accuracy for point in found.evidence.curve] == [0]


def test_own_doubt_of_the_same_name_stays(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settled is the bundled doubt alone, and only where further stages ran."""
    run = LadderRun(context, context.sample(2, 0), [Linf(0.1)], 0)
    settings = bind("robust_accuracy", MILD)
    bundled = Doubt(name=hidden_gradients.GRADIENTS, reason="r", advice=hidden_gradients.ADVICE)
    doubts = (bundled, Doubt(name=hidden_gradients.GRADIENTS, reason="mine", advice="a"))
    monkeypatch.setattr(hidden_gradients, "hidden_by_rounding", lambda *_: True)
    assert settle_gradients(context, settings, run, doubts) == (doubts, False)
    run.further = True
    assert settle_gradients(context, settings, run, doubts) == (doubts[1:], True)


def test_further_stages_keep_the_doubt_about_queries(context: Context) -> None:
    """The queries of a search are doubled where further stages follow it, too; alone they are none."""
    x, y = context.sample(1, 0).x, context.sample(1, 0).y
    case = SearchCase(context.subject, context.target, Linf(0.1), x, y, last_broke=0.1)
    for attacks in ((Square(queries=300),), (Square(queries=300), *STAGES)):
        doubled = doubled_queries(dataclasses.replace(case, attacks=attacks))
        assert doubled == Square(queries=600)
    assert doubled_queries(dataclasses.replace(case, attacks=STAGES)) is None


def test_last_stage_is_that_of_the_own_search() -> None:
    """What proofs and further stages broke is not taken for what the search's last attack broke."""
    search = Search(Linf(0.1), (PGD(steps=10), Square(queries=100)))
    for prefix in ("", "linf 0.1: "):
        names = ("PGD-10", "Square-100", STAGE.name)
        stages = [StageResult(prefix + name, 9, fell, 0, 0.0) for fell, name in enumerate(names)]
        stages.append(StageResult("branch and bound", 9, 5, 0, 0.0))
        assert last_stage(stages, search).fell == 1
