"""Branch and bound after the attacks: proofs, counterexamples, refusals."""

from __future__ import annotations

import dataclasses
from typing import Any
from unittest.mock import Mock

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import securemnist as sm
from securemnist.attacks.fgsm import FGSM
from securemnist.certificates import BRANCHES, CROWN, INTERVALS, certificate
from securemnist.certificates.proofs.proof import Proofs
from securemnist.data import DataSet
from securemnist.errors import MeasureError, NoCertificate, PolicyError, UsageError
from securemnist.evaluation import proof_stage
from securemnist.evaluation.certificate_stage import certify_and_attack
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.ladder_run import LadderRun
from securemnist.evaluation.proof_stage import run_proofs
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.referee import rule
from securemnist.results.per_image import CERTIFIED, SURVIVED
from securemnist.threats import Linf
from tests.stubs import FunctionModel

EPS, IMAGES, SECONDS = 0.05, 16, 60.0


@pytest.fixture(scope="module")
def context(mnist: DataSet) -> Context:
    """A small network, trained for a moment and for no proof, on some tuning images."""
    torch.manual_seed(0)
    hidden = [nn.Flatten(), nn.Linear(49, 20), nn.ReLU(), nn.Linear(20, 20), nn.ReLU()]
    model = nn.Sequential(nn.AvgPool2d(4), *hidden, nn.Linear(20, 10))
    x, y = mnist.train[:4000].images(), mnist.train[:4000].labels
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    for part in torch.randperm(len(y)).repeat(5).split(200):
        optimizer.zero_grad()
        F.cross_entropy(model(x[part]), y[part]).backward()
        optimizer.step()
    few = dataclasses.replace(mnist, test=mnist.tuning[:IMAGES])
    return Context(loading.from_model(model.eval(), name="pooled"), few)


def attacked(context: Context) -> LadderRun:
    """The run of one weak attack, without certificates."""
    return evaluate(context, context.sample(IMAGES, 0), (FGSM(),), Linf(EPS), 0)


def found(x: torch.Tensor, proved: torch.Tensor, broken: torch.Tensor) -> Proofs:
    """Results that no search has found; the examples of broken images are the images."""
    margins = torch.where(proved, 1.0, -1.0).double()
    return Proofs(margins, proved, broken, x, 0, torch.zeros_like(margins), 0.0)


def test_the_stage_is_recorded_where_nothing_is_left_to_prove(context: Context) -> None:
    """Else a version whose images are all certified before could not be compared with another."""
    run = attacked(context)
    run.outcomes.codes[run.outcomes.undecided] = CERTIFIED
    run_proofs(run, SECONDS, context)
    stage = run.outcomes.waterfall[-1]
    assert (stage.stage, stage.entered, stage.fell) == (BRANCHES, 0, 0)
    assert run.outcomes.stages[-1] == BRANCHES


def test_survivors_are_proved_or_broken(context: Context) -> None:
    """Proofs decide every survivor of a weak attack; the referee accepts each broken image."""
    run = attacked(context)
    survivors = run.outcomes.undecided
    run_proofs(run, SECONDS, context)
    stage = run.outcomes.waterfall[-1]
    assert stage.stage == BRANCHES
    assert stage.entered == len(survivors) == stage.proved + stage.fell
    assert stage.proved > 5
    assert stage.fell > 0
    broken = survivors[run.outcomes.codes[survivors] != CERTIFIED]
    sample = run.sample
    ruling = rule(
        context.subject.model,
        sample.x[broken],
        sample.y[broken],
        run.x_adv[broken],
        norm="linf",
        eps=EPS,
    )
    assert ruling.fooled.all()
    assert torch.equal(run.outcomes.predictions[broken], ruling.predictions)
    evidence = run.certificates()
    assert evidence is not None
    assert evidence.branch_and_bound == evidence.attacked == stage.proved
    assert (evidence.domains or 0) > 9 * stage.proved
    search = evidence.search
    assert search is not None
    assert search.images == len(search.decided) == stage.entered
    assert 0 < search.decided[0] < search.decided[-1] <= search.seconds <= stage.seconds


@pytest.mark.parametrize(
    "threat", [{"norm": "linf", "eps": EPS}, {"norm": "l2", "eps": 0.5}], ids=str
)
def test_robust_accuracy_is_exact(context: Context, threat: dict[str, Any]) -> None:
    """With every image proved or broken, a row says that its number is exact; without proofs not."""
    asked = {"threat": threat, "attack": {"use": "PGD", "steps": 5}}
    with_proofs, without = (
        take_measurement(
            context,
            "robust_accuracy",
            bind("robust_accuracy", {**asked, "images": 8, "proof_seconds": seconds}),
            0,
        )
        for seconds in (SECONDS, 0.0)
    )
    assert with_proofs.exact
    assert with_proofs.bracket.startswith("exact: each of the 8 images is proved, broken")
    assert with_proofs.certified == with_proofs.value <= without.value
    assert not without.exact
    assert without.certified is None
    assert BRANCHES not in [stage.stage for stage in without.evidence.waterfall]


def test_certified_accuracy_with_proofs(context: Context) -> None:
    """Branch and bound certifies images that CROWN with interval bounds leaves open."""
    asked = {"threat": {"norm": "linf", "eps": EPS}, "images": IMAGES}
    plain, more = (
        take_measurement(
            context,
            "certified_accuracy",
            bind("certified_accuracy", {**asked, "proof_seconds": seconds}),
            0,
        )
        for seconds in (0.0, SECONDS)
    )
    found = more.evidence.certificates
    assert more.value > plain.value + 0.2
    assert found.intervals + found.CROWN + found.branch_and_bound == round(more.value * IMAGES)


def test_wrong_proof_is_error(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof of an image that an attack breaks ends in MeasureError, not in a number."""

    def generous(_model: nn.Module, x: torch.Tensor, _y: torch.Tensor, **_: Any) -> Proofs:
        proved = torch.ones(len(x), dtype=torch.bool)
        return found(x, proved, ~proved)

    monkeypatch.setattr(proof_stage, "prove", generous)
    with pytest.raises(MeasureError, match="error of the certificates"):
        run_proofs(attacked(context), SECONDS, context)


def test_example_refused_later_breaks_nothing(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image whose example the referee does not accept again stays a survivor."""

    def hasty(_model: nn.Module, x: torch.Tensor, _y: torch.Tensor, **_: Any) -> Proofs:
        broken = torch.ones(len(x), dtype=torch.bool)
        return found(x, ~broken, broken)

    monkeypatch.setattr(proof_stage, "prove", hasty)
    run = attacked(context)
    survivors = run.outcomes.undecided
    run_proofs(run, SECONDS, context)
    assert (run.outcomes.codes[survivors] == SURVIVED).all()
    assert run.outcomes.waterfall[-1].fell == 0
    evidence = run.certificates()
    assert evidence is not None
    assert evidence.search is not None
    assert not evidence.search.decided


def test_unknown_layer_leaves_survivors(context: Context) -> None:
    """A network without known bounds keeps its survivors, and the evidence names the layer."""
    model = nn.Sequential(nn.LPPool2d(3, 1), context.subject.model).eval()
    strange = Context(loading.from_model(model, name="strange"), context.data)
    run = attacked(strange)
    survivors = run.outcomes.undecided
    run_proofs(run, SECONDS, strange)
    assert (run.outcomes.codes[survivors] == SURVIVED).all()
    assert "LPPool2d" in run.certificate_evidence[0]["refused"][BRANCHES]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another norm": ({"threat": {"norm": "l1", "eps": 1.0}}, "one threat of linf, l2"),
    "below 0": ({"proof_seconds": -1.0}, "proof_seconds"),
    "without end": ({"proof_seconds": float("inf")}, "proof_seconds"),
    "random answers": ({"randomised": True}, "without randomised"),
}


@pytest.mark.parametrize(("changed", "reason"), WRONG.values(), ids=WRONG)
def test_impossible_proofs_refused(changed: dict[str, Any], reason: str) -> None:
    """A row whose proofs could prove nothing is a PolicyError."""
    row = {"threat": {"norm": "linf", "eps": 0.1}, "proof_seconds": 1.0}
    with pytest.raises(PolicyError, match=reason):
        bind("robust_accuracy", row | changed)


def test_certify_with_proofs(context: Context) -> None:
    """`certify` with seconds for proofs certifies more, keeps the rest, and names the method."""
    model, sample = context.subject.model, context.sample(IMAGES, 0)
    plain, more = (
        sm.certify(model, sample.x, sample.y, eps=EPS, proof_seconds=seconds, progress=False)
        for seconds in (0.0, SECONDS)
    )
    assert more.count(BRANCHES) > 0
    assert plain.count(BRANCHES) == 0
    assert all(more.count(method) == plain.count(method) for method in (INTERVALS, CROWN))
    assert (more.margins >= plain.margins).all()
    assert (more.margins[more.proved] > 0).all()
    with pytest.raises(UsageError, match="proof_seconds of 0 or more, got nan"):
        sm.certify(model, sample.x, sample.y, eps=EPS, proof_seconds=float("nan"))


def test_refused_network_is_read_once(mnist: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network without a graph is exported once in all rows of a context, and refused in each."""
    exports = Mock(side_effect=certificate.export)
    monkeypatch.setattr(certificate, "export", exports)
    network = FunctionModel(lambda x: x.flatten(1)[:, :10].cumprod(1))
    context = Context(loading.from_model(network, name="it"), mnist)
    sample = context.sample(2, 0)
    for eps in (0.1, 0.2):
        with pytest.raises(NoCertificate, match="cumprod"):
            certify_and_attack(context, sample.x, sample.y, Linf(eps), crown=True, seed=0)
    assert exports.call_count == 1
