"""Certified accuracy and the ladder's proofs: what they say, and what stops them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from securemnist.attacks.fgsm import FGSM
from securemnist.attacks.pgd import PGD
from securemnist.certificates import Certificates, certificate
from securemnist.data import DataSet
from securemnist.errors import MeasureError, NoCertificate, PolicyError
from securemnist.evaluation import certificate_stage, ladder
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladder import evaluate
from securemnist.measures import bind, take_measurement
from securemnist.measures.robustness import curve
from securemnist.models import loading
from securemnist.results.findings import Requirement
from securemnist.results.per_image import SURVIVED
from securemnist.threats import L2, Linf
from tests.outcome_text import decoded
from tests.saboteurs import Fragile

SMALL = {"threat": {"norm": "linf", "eps": 0.003}, "digits": 16}


@pytest.fixture(scope="module")
def context(mnist: DataSet) -> Context:
    """The hardened network, on as few tuning digits as make a complete set."""
    few = mnist.tuning[:100]
    return Context(loading.resolve("hardened"), dataclasses.replace(mnist, tuning=few, test=few))


def test_certified_accuracy_passes_as_proved(context: Context) -> None:
    """A row on a complete set whose certified share reaches the threshold reads PASS (proved)."""
    seen = take_measurement(
        context, "certified_accuracy", bind("certified_accuracy", SMALL | {"digits": 100}), 0
    )
    assert seen.complete
    assert seen.value == seen.certified == seen.certified_low > 0.8
    row = Requirement(id="R", measure="certified_accuracy", because="", at_least=0.8)
    assert row.judge(seen).label == "PASS (proved)"
    codes = decoded(seen.evidence.outcomes.codes)
    assert codes.count("c") == round(seen.value * 100)
    assert set(codes) <= set("cx?")


def test_a_sample_is_judged_by_its_lower_bound(context: Context) -> None:
    """Sixteen digits of more prove a share of new digits only down to the interval's bound."""
    seen = take_measurement(context, "certified_accuracy", bind("certified_accuracy", SMALL), 0)
    assert seen.certified_low == seen.low < seen.value


def test_a_certified_digit_that_falls_is_our_error(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificates for digits that an attack breaks end in ERROR, not in a number."""

    def generous(_model: nn.Module, x: torch.Tensor, _y: torch.Tensor, **_: object) -> Certificates:
        return Certificates(torch.ones(len(x)), torch.zeros(len(x), dtype=torch.long))

    monkeypatch.setattr(certificate_stage, "certify", generous)
    wide = bind("certified_accuracy", {"threat": {"norm": "linf", "eps": 0.5}, "digits": 20})
    with pytest.raises(MeasureError, match="error of the certificates"):
        take_measurement(context, "certified_accuracy", wide, 0)


def test_an_unknown_layer_is_inconclusive(mnist: DataSet) -> None:
    """Without a certificate nothing is said: the error, an Inconclusive, names the layer."""
    model = nn.Sequential(nn.Flatten(), nn.GroupNorm(1, 784), nn.Linear(784, 10))
    strange = Context(loading.from_model(model, name="strange"), mnist)
    with pytest.raises(NoCertificate, match="GroupNorm"):
        take_measurement(strange, "certified_accuracy", bind("certified_accuracy", SMALL), 0)


def test_another_norm_is_refused() -> None:
    """A row asks for certificates in L-infinity, the one norm they are there for."""
    with pytest.raises(PolicyError, match="certifiable norm"):
        bind("certified_accuracy", {"threat": {"norm": "l2", "eps": 1.0}})


def test_proofs_take_digits_from_the_searches(context: Context) -> None:
    """What intervals prove nobody attacks, what CROWN proves behind the scouts nobody searches."""
    sample, attacks = context.sample(20, 0), (FGSM(), PGD(steps=2))
    found = evaluate(context, sample, attacks, Linf(0.003), 0, before_crown=1)
    intervals, scout, crown, search = found.outcomes.waterfall
    assert (intervals.stage, crown.stage) == ("intervals", "CROWN")
    assert intervals.proved > 10
    assert scout.entered == intervals.entered - intervals.proved
    assert search.entered == crown.entered - crown.proved
    assert (
        found.outcomes.certified
        == intervals.proved + crown.proved
        == found.certificate_evidence["attacked"]
    )
    assert found.outcomes.certified <= found.outcomes.unbroken


def test_the_ladder_goes_on_without_proofs(context: Context, mnist: DataSet) -> None:
    """Another norm or an unknown layer is noted, and the attacks see every digit."""
    sample = context.sample(8, 0)
    found = evaluate(context, sample, (FGSM(),), L2(0.1), 0, before_crown=0)
    assert "L-infinity" in found.certificate_evidence["refused"]["intervals"]
    first, *_, last = found.outcomes.waterfall
    assert last.entered == first.entered
    fragile = Context(loading.from_model(Fragile(), name="fragile"), mnist)
    found = evaluate(fragile, fragile.sample(8, 0), (FGSM(),), Linf(0.1), 0, before_crown=0)
    assert "sin" in found.certificate_evidence["refused"]["intervals"]


def test_hopeless_proofs_are_given_up(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the digits of the largest margin give no certificate no other is asked for one."""
    for module in (ladder, certificate):
        monkeypatch.setattr(module, "TRIAL", 4)
    sample = context.sample(24, 0)
    found = evaluate(context, sample, (FGSM(),), Linf(0.3), 0, before_crown=0)
    assert found.outcomes.certified == 0
    assert "none of the 4 images" in found.certificate_evidence["refused"]["intervals"]


def test_a_ladder_that_proves_enough_passes_as_proved(context: Context) -> None:
    """The ladder's row carries the bracket: certified below, what survived above."""
    asked = {"attack": {"use": "ladder", "budget": "smoke"}, "threat": SMALL["threat"]}
    seen = take_measurement(
        context, "robust_accuracy", bind("robust_accuracy", {**asked, "digits": 100}), 0
    )
    assert seen.certified is not None
    assert 0.8 < seen.certified <= seen.value
    row = Requirement(id="R", measure="robust_accuracy", because="", at_least=0.8)
    assert row.judge(seen).label == "PASS (proved)"
    assert f"[{seen.certified:.4f} proved, {seen.value:.4f} survived]" in str(row.judge(seen))


def test_a_curve_tells_what_is_proved(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every point has its certified share below what survives; a hopeless eps ends the asking."""
    asked: list[float] = []
    real = certificate_stage.certify_and_attack

    def counted(*given: Any, **named: Any) -> Certificates:
        asked.append(given[3].eps)
        return real(*given, **named)

    monkeypatch.setattr(certificate_stage, "certify_and_attack", counted)
    row = {"attack": {"use": "PGD", "steps": 2}, "threat": SMALL["threat"], "digits": 8}
    settings: Any = bind("robust_accuracy", {**row, "curve": [0.0, 0.003, 0.3, 0.35]})
    points = curve(context, settings, 0)
    certified = [point.certified for point in points]
    assert certified[0] == points[0].accuracy
    assert certified == sorted(certified, reverse=True)
    assert 0.8 < certified[1] <= points[1].accuracy
    assert certified[2:] == [0.0, 0.0]
    assert max(asked) == 0.3


def test_a_curve_without_bounds_has_no_band(context: Context, mnist: DataSet) -> None:
    """In another norm, and of a network with an unknown layer, nothing is said of proofs."""
    fragile = Context(loading.from_model(Fragile(), name="fragile"), context.data)
    for asked, norm in ((context, "l2"), (fragile, "linf")):
        row = {"attack": {"use": "PGD", "steps": 2}, "threat": {"norm": norm, "eps": 0.1}}
        settings: Any = bind("robust_accuracy", {**row, "digits": 8, "curve": [0.0, 0.1]})
        assert all(point.certified is None for point in curve(asked, settings, 0))


def test_what_stays_open_says_how_far_off_it_is(context: Context) -> None:
    """Digits without a proof leave their bounds behind, none above zero; they are all counted."""
    wide = {"threat": {"norm": "linf", "eps": 0.02}, "digits": 100}
    seen = take_measurement(context, "certified_accuracy", bind("certified_accuracy", wide), 0)
    left = seen.evidence.certificates.open
    assert left.asked == decoded(seen.evidence.outcomes.codes).count("?") > 0
    assert left.farthest <= left.median <= left.closest <= 0
    found = evaluate(context, context.sample(24, 0), (FGSM(),), Linf(0.02), 0, before_crown=0)
    assert found.certificates().open.asked == found.outcomes.codes.tolist().count(SURVIVED)
