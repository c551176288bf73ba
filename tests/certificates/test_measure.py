"""Certified accuracy, and certificates in the ladder."""

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
from securemnist.measures.attack_run import curve
from securemnist.models import loading
from securemnist.results.findings import Requirement
from securemnist.results.per_image import SURVIVED
from securemnist.threats import L1, L2, Linf
from tests.outcome_text import decoded
from tests.saboteurs import Fragile

SMALL = {"threat": {"norm": "linf", "eps": 0.003}, "images": 16}


@pytest.fixture(scope="module")
def context(mnist: DataSet) -> Context:
    """A context of the hardened network, on the fewest tuning images that make a complete set."""
    few = mnist.tuning[:100]
    return Context(loading.resolve("hardened"), dataclasses.replace(mnist, tuning=few, test=few))


def test_certified_accuracy_pass_label(context: Context) -> None:
    """A row on a complete set with enough certified images reads PASS (proved)."""
    measurement = take_measurement(
        context, "certified_accuracy", bind("certified_accuracy", SMALL | {"images": 100}), 0
    )
    assert measurement.complete
    assert measurement.value == measurement.certified == measurement.certified_low > 0.8
    row = Requirement(id="R", measure="certified_accuracy", because="", at_least=0.8)
    assert row.judge(measurement).label == "PASS (proved)"
    codes = decoded(measurement.evidence.outcomes.codes)
    assert codes.count("c") == round(measurement.value * 100)
    assert set(codes) <= set("cx?")


def test_certified_sample_judged_by_lower_bound(context: Context) -> None:
    """Sixteen of more images are judged by the lower bound of their interval."""
    measurement = take_measurement(
        context, "certified_accuracy", bind("certified_accuracy", SMALL), 0
    )
    assert measurement.certified_low == measurement.low < measurement.value


def test_broken_certified_image_is_error(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate for an image that an attack breaks ends in ERROR, not in a number."""

    def generous(_model: nn.Module, x: torch.Tensor, _y: torch.Tensor, **_: object) -> Certificates:
        return Certificates(torch.ones(len(x)), torch.zeros(len(x), dtype=torch.long))

    monkeypatch.setattr(certificate_stage, "certify", generous)
    wide = bind("certified_accuracy", {"threat": {"norm": "linf", "eps": 0.5}, "images": 20})
    with pytest.raises(MeasureError, match="error of the certificates"):
        take_measurement(context, "certified_accuracy", wide, 0)


def test_certified_accuracy_with_unknown_layer_inconclusive(mnist: DataSet) -> None:
    """Without certificates the measurement is Inconclusive, and the error names the layer."""
    model = nn.Sequential(nn.LPPool2d(3, 2), nn.Flatten(), nn.Linear(196, 10))
    strange = Context(loading.from_model(model, name="strange"), mnist)
    with pytest.raises(NoCertificate, match="LPPool2d"):
        take_measurement(strange, "certified_accuracy", bind("certified_accuracy", SMALL), 0)


def test_certified_accuracy_refuses_other_norms() -> None:
    """A row of certificates refuses L1; it accepts L2, also with branch and bound."""
    with pytest.raises(PolicyError, match="expected linf, l2, a patch"):
        bind("certified_accuracy", {"threat": {"norm": "l1", "eps": 1.0}})
    l2 = {"threat": {"norm": "l2", "eps": 1.0}}
    bind("certified_accuracy", l2)
    bind("certified_accuracy", l2 | {"proof_seconds": 1.0})


def test_attacks_contradict_wrong_l2_certificates(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attack that breaks an image certified in L2 ends in MeasureError, not in a number."""

    def generous(_model: nn.Module, x: torch.Tensor, _y: torch.Tensor, **_: object) -> Certificates:
        return Certificates(torch.ones(len(x)), torch.zeros(len(x), dtype=torch.long))

    monkeypatch.setattr(certificate_stage, "certify", generous)
    with pytest.raises(MeasureError, match="error of the certificates"):
        evaluate(context, context.sample(20, 0), (FGSM(),), L2(8.0), 0, before_crown=0)


def test_ladder_attacks_uncertified_images_only(context: Context) -> None:
    """No stage attacks an image that intervals, or CROWN before it, have certified."""
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
        == found.certificate_evidence[0]["attacked"]
    )
    assert found.outcomes.certified <= found.outcomes.unbroken


def test_ladder_without_certificates(context: Context, mnist: DataSet) -> None:
    """Another norm or an unknown layer is recorded, and the attacks get every image."""
    sample = context.sample(8, 0)
    found = evaluate(context, sample, (FGSM(),), L1(0.1), 0, before_crown=0)
    assert "expected linf, l2" in found.certificate_evidence[0]["refused"]["intervals"]
    first, *_, last = found.outcomes.waterfall
    assert last.entered == first.entered
    fragile = Context(loading.from_model(Fragile(), name="fragile"), mnist)
    found = evaluate(fragile, fragile.sample(8, 0), (FGSM(),), Linf(0.1), 0, before_crown=0)
    assert "sin" in found.certificate_evidence[0]["refused"]["intervals"]


def test_ladder_stops_certifying_without_success(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the images with the largest margins give no certificate, no other image is bounded."""
    for module in (ladder, certificate):
        monkeypatch.setattr(module, "TRIAL", 4)
    sample = context.sample(24, 0)
    found = evaluate(context, sample, (FGSM(),), Linf(0.3), 0, before_crown=0)
    assert found.outcomes.certified == 0
    assert "none of the 4 images" in found.certificate_evidence[0]["refused"]["intervals"]


def test_ladder_pass_proved(context: Context) -> None:
    """The ladder's row has the certified fraction as lower and the survivors as upper bound."""
    asked = {"attack": {"use": "ladder", "budget": "smoke"}, "threat": SMALL["threat"]}
    measurement = take_measurement(
        context, "robust_accuracy", bind("robust_accuracy", {**asked, "images": 100}), 0
    )
    assert measurement.certified is not None
    assert 0.8 < measurement.certified <= measurement.value
    row = Requirement(id="R", measure="robust_accuracy", because="", at_least=0.8)
    assert row.judge(measurement).label == "PASS (proved)"
    assert f"[{measurement.certified:.4f} proved, {measurement.value:.4f} survived]" in str(
        row.judge(measurement)
    )


def test_curve_certified_fractions(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Certified fractions are below the survivors, and end at an eps without certificates."""
    asked: list[float] = []
    real = certificate_stage.certify_and_attack

    def counted(*given: Any, **named: Any) -> Certificates:
        asked.append(given[3].eps)
        return real(*given, **named)

    monkeypatch.setattr(certificate_stage, "certify_and_attack", counted)
    row = {"attack": {"use": "PGD", "steps": 2}, "threat": SMALL["threat"], "images": 8}
    settings: Any = bind("robust_accuracy", {**row, "curve": [0.0, 0.003, 0.3, 0.35]})
    points = curve(context, settings, 0)
    certified = [point.certified for point in points]
    assert certified[0] == points[0].accuracy
    assert certified == sorted(certified, reverse=True)
    assert 0.8 < certified[1] <= points[1].accuracy
    assert certified[2:] == [0.0, 0.0]
    assert max(asked) == 0.3


def test_curve_without_certificates(context: Context, mnist: DataSet) -> None:
    """In another norm, or with an unknown layer, a curve has no certified fractions."""
    fragile = Context(loading.from_model(Fragile(), name="fragile"), context.data)
    for asked, norm in ((context, "l1"), (fragile, "linf")):
        row = {"attack": {"use": "PGD", "steps": 2}, "threat": {"norm": norm, "eps": 0.1}}
        settings: Any = bind("robust_accuracy", {**row, "images": 8, "curve": [0.0, 0.1]})
        assert all(point.certified is None for point in curve(asked, settings, 0))


def test_undecided_images_have_bounds(context: Context) -> None:
    """Images without a certificate have recorded bounds, all at most zero."""
    wide = {"threat": {"norm": "linf", "eps": 0.02}, "images": 24}
    measurement = take_measurement(
        context, "certified_accuracy", bind("certified_accuracy", wide), 0
    )
    left = measurement.evidence.certificates.open
    assert left.asked == decoded(measurement.evidence.outcomes.codes).count("?") > 0
    assert left.farthest <= left.median <= left.closest <= 0
    found = evaluate(context, context.sample(24, 0), (FGSM(),), Linf(0.02), 0, before_crown=0)
    assert found.certificates().open.asked == found.outcomes.codes.tolist().count(SURVIVED)
