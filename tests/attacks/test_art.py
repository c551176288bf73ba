"""Adapter for ART's attacks: policy rows, settings, names and errors."""

from __future__ import annotations

import inspect

import pytest
import torch

from securemnist.art_library.isolation import load
from securemnist.art_library.signatures import signature
from securemnist.attacks import make_attack
from securemnist.attacks.art import ARTAttack
from securemnist.attacks.fgsm import FGSM
from securemnist.data import DataSet
from securemnist.errors import MeasureError, PolicyError
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladders import parse_attack
from securemnist.measures import bind, check_policy, take_measurement
from securemnist.models.loading import Subject
from securemnist.results import policy
from securemnist.results.findings import Verdict
from securemnist.threats import L2, Linf


def seeded(seed: int = 0) -> torch.Generator:
    """A generator with this seed."""
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images(mnist: DataSet) -> tuple[torch.Tensor, torch.Tensor]:
    """Eight tuning images and their labels."""
    few = mnist.tuning[:8]
    return few.images(), few.labels


def test_unlisted_art_attack_from_policy(context: Context) -> None:
    """An ART attack that the package does not list is measured and judged from one policy row."""
    rows = policy.parse(
        """
        [[requirement]]
        id = "NEW-01"
        measure = "robust_accuracy"
        attack = { use = "art:MomentumIterativeMethod", max_iter = 5, decay = 0.9 }
        threat = { norm = "linf", eps = 0.3 }
        images = 16
        at_least = 0.9
        because = "a reviewer wants to see momentum"
        """,
        "new.toml",
    )
    check_policy(rows)
    (row,) = rows.requirements
    measurement = take_measurement(context, row.measure, bind(row.measure, row.settings), row.seed)
    assert row.judge(measurement).verdict is Verdict.FAIL
    assert measurement.evidence.waterfall[0].stage == "ART-MomentumIterativeMethod"


def test_art_signatures_match_classes() -> None:
    """Names and defaults parsed from ART's source equal those of the classes."""
    evasion = load().attacks.evasion
    for kind in ("DeepFool", "AutoAttack", "BoundaryAttack", "CarliniL2Method", "GeoDA", "SimBA"):
        real = list(inspect.signature(getattr(evasion, kind)).parameters.values())[1:]
        parsed = signature(kind)
        assert set(parsed) == {parameter.name for parameter in real}
        for parameter in real:
            if isinstance(parameter.default, int | str):
                assert parsed[parameter.name] == parameter.default


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"use": "art:DeepFol"}, "did you mean DeepFool"),
        ({"use": "art:"}, "expected an evasion attack of ART"),
        ({"use": "art:DeepFool", "steps": 3}, "max_iter"),
        ({"use": "art:DeepFool", "verbose": True}, "caller displays progress"),
        ({"use": "art:HopSkipJump", "norm": 2}, "the threat sets it"),
        ({"use": "art:BoundaryAttack", "targeted": True}, "untargeted"),
        ({"use": "art:AutoAttack", "parallel_pool_size": 2}, "pickle"),
        ({"use": "art:FeatureAdversariesPyTorch"}, "'delta'"),
        ({"use": "Art:DeepFool"}, "art:CLASS"),
    ],
)
def test_invalid_art_settings(settings: dict[str, object], complaint: str) -> None:
    """An unknown class or setting is a PolicyError of one sentence before anything runs."""
    with pytest.raises(PolicyError, match=complaint) as caught:
        make_attack(settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("art:DeepFool", {"use": "art:DeepFool"}),
        ("art:DeepFool:max_iter=20", {"use": "art:DeepFool", "max_iter": 20}),
        ("art:SquareAttack:max_iter=9,p_init=0.3", {"max_iter": 9, "p_init": 0.3}),
    ],
)
def test_art_attack_option_parsed(text: str, settings: dict[str, object]) -> None:
    """The option --attack gives the settings of a row, also with a colon in the name."""
    parsed = parse_attack(text)
    assert settings.items() <= parsed.items()
    assert make_attack(parsed).to_json() == parsed


@pytest.mark.parametrize("eps", [0.05, 0.3])
def test_art_fgsm_matches_native(
    baseline: Subject, images: tuple[torch.Tensor, torch.Tensor], eps: float
) -> None:
    """ART's FGSM gives the candidates of ours, also for labels that differ from the predictions."""
    x, y = images
    other = (y + 3) % 10
    theirs = ARTAttack(kind="FastGradientMethod")
    for labels in (y, other):
        mine = FGSM().propose(baseline.model, x, labels, threat=Linf(eps), rng=seeded())
        found = theirs.propose(baseline.model, x, labels, threat=Linf(eps), rng=seeded())
        assert torch.allclose(found, mine, atol=1e-6)


def test_art_default_settings() -> None:
    """PGD gets a random start and steps that fit eps, unless the row sets them."""
    default = make_attack({"use": "art:ProjectedGradientDescent", "max_iter": 10})
    assert isinstance(default, ARTAttack)
    options = default._options(Linf(0.2), torch.rand(2, 1, 28, 28))
    assert options["num_random_init"] == 1
    assert options["eps_step"] == pytest.approx(0.05)
    assert options["targeted"] is False
    settings = {"max_iter": 10, "eps_step": 0.01, "num_random_init": 3}
    own = make_attack({"use": "art:ProjectedGradientDescent", **settings})
    assert isinstance(own, ARTAttack)
    assert settings.items() <= own._options(Linf(0.2), torch.rand(2, 1, 28, 28)).items()
    deepfool = ARTAttack(kind="DeepFool")._options(L2(1.0), torch.rand(2, 1, 28, 28))
    assert deepfool == {"batch_size": 64, "verbose": False}


def test_art_autoattack_name_and_dependency(
    baseline: Subject, images: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """ART's AutoAttack runs without its undeclared dependency and is printed as ART-AutoAttack."""
    x, y = images
    attack = make_attack({"use": "art:AutoAttack"})
    assert attack.name == "ART-AutoAttack"
    found = attack.propose(baseline.model, x[:2], y[:2], threat=Linf(0.5), rng=seeded())
    assert (baseline.model(found).argmax(1) != y[:2]).all()


def test_art_candidates_over_budget_counted(context: Context) -> None:
    """Candidates outside the threat set are counted as over budget and break nothing."""
    settings = {"attack": {"use": "art:DeepFool", "max_iter": 10}, "images": 16}
    settings["threat"] = {"norm": "l2", "eps": 1.5}
    measurement = take_measurement(context, "robust_accuracy", bind("robust_accuracy", settings), 0)
    (stage,) = measurement.evidence.waterfall
    assert stage.over_budget > 0
    assert stage.fell + stage.over_budget <= stage.entered


@pytest.mark.parametrize(
    ("kind", "error"),
    [("DecisionTreeAttack", PolicyError), ("ProjectedGradientDescentTensorFlowV2", MeasureError)],
)
def test_art_attack_not_for_pytorch(
    kind: str,
    error: type[Exception],
    baseline: Subject,
    images: tuple[torch.Tensor, torch.Tensor],
) -> None:
    """An attack that cannot run on a PyTorch model gives one sentence with its name."""
    x, y = images
    with pytest.raises(error, match=f"ART-{kind}") as caught:
        ARTAttack(kind=kind).propose(baseline.model, x[:2], y[:2], threat=Linf(0.3), rng=seeded())
    assert "\n" not in str(caught.value)


def test_art_one_step_attacks() -> None:
    """ART's FGSM and gradient attacks of one iteration are one-step attacks."""
    assert make_attack({"use": "art:FastGradientMethod"}).one_step
    assert make_attack({"use": "art:ProjectedGradientDescent", "max_iter": 1}).one_step
    assert not make_attack({"use": "art:ProjectedGradientDescent"}).one_step
    assert not make_attack({"use": "art:HopSkipJump", "max_iter": 1}).one_step
    assert not make_attack({"use": "art:AutoAttack"}).one_step
