"""ART's attacks behind the interface of ours: one policy row each, and nothing left behind."""

from __future__ import annotations

import inspect

import pytest
import torch

from securemnist.attacks import make_attack
from securemnist.attacks.art import ARTAttack
from securemnist.attacks.art_isolation import load
from securemnist.attacks.art_signatures import signature
from securemnist.attacks.fgsm import FGSM
from securemnist.data import DataSet
from securemnist.errors import Inconclusive, MeasureError, PolicyError
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.ladders import parse_attack
from securemnist.measures import bind, check_policy, take_measurement
from securemnist.models.loading import Subject
from securemnist.results import policy
from securemnist.results.findings import Verdict
from securemnist.threats import L2, Linf


def seeded(seed: int = 0) -> torch.Generator:
    """A generator for one attack."""
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def digits(mnist: DataSet) -> tuple[torch.Tensor, torch.Tensor]:
    """Eight tuning digits and their labels."""
    few = mnist.tuning[:8]
    return few.images(), few.labels


def test_a_fresh_attack_is_one_policy_row(context: Context) -> None:
    """An attack that the package nowhere names is measured and judged from a row of the policy alone."""
    rows = policy.parse(
        """
        [[requirement]]
        id = "NEW-01"
        measure = "robust_accuracy"
        attack = { use = "art:MomentumIterativeMethod", max_iter = 5, decay = 0.9 }
        threat = { norm = "linf", eps = 0.3 }
        digits = 16
        at_least = 0.9
        because = "a reviewer wants to see momentum"
        """,
        "new.toml",
    )
    check_policy(rows)
    (row,) = rows.requirements
    seen = take_measurement(context, row.measure, bind(row.measure, row.settings), row.seed)
    assert row.judge(seen).verdict is Verdict.FAIL
    assert seen.evidence.waterfall[0].stage == "ART-MomentumIterativeMethod"


def test_the_sources_are_read_right() -> None:
    """Names and parameters parsed from ART's source are those of the classes it gives."""
    evasion = load().attacks.evasion
    for kind in ("DeepFool", "AutoAttack", "BoundaryAttack", "CarliniL2Method", "GeoDA", "SimBA"):
        real = list(inspect.signature(getattr(evasion, kind)).parameters.values())[1:]
        told = signature(kind)
        assert {*told.defaults, *told.required} == {parameter.name for parameter in real}
        for parameter in real:
            if isinstance(parameter.default, int | str):
                assert told.defaults[parameter.name] == parameter.default


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"use": "art:DeepFol"}, "did you mean DeepFool"),
        ({"use": "art:"}, "expected an evasion attack of ART"),
        ({"use": "art:DeepFool", "steps": 3}, "max_iter"),
        ({"use": "art:DeepFool", "verbose": True}, "shown by the caller"),
        ({"use": "art:HopSkipJump", "norm": 2}, "the threat sets it"),
        ({"use": "art:BoundaryAttack", "targeted": True}, "untargeted"),
        ({"use": "art:AutoAttack", "parallel_pool_size": 2}, "pickle"),
        ({"use": "art:FeatureAdversariesPyTorch"}, "'delta'"),
        ({"use": "Art:DeepFool"}, "art:CLASS"),
    ],
)
def test_what_art_does_not_have_is_a_policy_error(
    settings: dict[str, object], complaint: str
) -> None:
    """An unknown name or setting is refused in one sentence, before anything runs."""
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
def test_the_command_line_names_them_too(text: str, settings: dict[str, object]) -> None:
    """What --attack says becomes the settings of a row, colons in the name included."""
    parsed = parse_attack(text)
    assert settings.items() <= parsed.items()
    assert make_attack(parsed).to_json() == parsed


@pytest.mark.parametrize("eps", [0.05, 0.3])
def test_labels_norm_and_eps_arrive(
    baseline: Subject, digits: tuple[torch.Tensor, torch.Tensor], eps: float
) -> None:
    """ART's FGSM proposes what ours does, also for labels that are not the model's own predictions."""
    x, y = digits
    other = (y + 3) % 10
    theirs = ARTAttack(kind="FastGradientMethod")
    for labels in (y, other):
        mine = FGSM().propose(baseline.model, x, labels, threat=Linf(eps), rng=seeded())
        found = theirs.propose(baseline.model, x, labels, threat=Linf(eps), rng=seeded())
        assert torch.allclose(found, mine, atol=1e-6)


def test_weak_defaults_are_replaced() -> None:
    """PGD starts at random with steps that fit eps, unless the row says otherwise."""
    usual = make_attack({"use": "art:ProjectedGradientDescent", "max_iter": 10})
    assert isinstance(usual, ARTAttack)
    options = usual._options(Linf(0.2))
    assert options["num_random_init"] == 1
    assert options["eps_step"] == pytest.approx(0.05)
    assert options["targeted"] is False
    said = {"max_iter": 10, "eps_step": 0.01, "num_random_init": 3}
    own = make_attack({"use": "art:ProjectedGradientDescent", **said})
    assert isinstance(own, ARTAttack)
    assert said.items() <= own._options(Linf(0.2)).items()
    deepfool = ARTAttack(kind="DeepFool")._options(L2(1.0))
    assert deepfool == {"batch_size": 64, "verbose": False}


def test_autoattack_goes_by_its_full_name(
    baseline: Subject, digits: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """ART's AutoAttack runs without the package it forgot to declare, and is not called AutoAttack."""
    x, y = digits
    attack = make_attack({"use": "art:AutoAttack"})
    assert attack.name == "ART-AutoAttack"
    found = attack.propose(baseline.model, x[:2], y[:2], threat=Linf(0.5), rng=seeded())
    assert (baseline.model(found).argmax(1) != y[:2]).all()


def test_over_budget_is_counted(context: Context) -> None:
    """Proposals that overshoot the budget are shown and count for nothing; they are no error."""
    settings = {"attack": {"use": "art:DeepFool", "max_iter": 10}, "digits": 16}
    settings["threat"] = {"norm": "l2", "eps": 1.5}
    seen = take_measurement(context, "robust_accuracy", bind("robust_accuracy", settings), 0)
    (stage,) = seen.evidence.waterfall
    assert stage["over_budget"] > 0
    assert stage["fell"] + stage["over_budget"] <= stage["entered"]


def test_no_valid_proposal_is_no_verdict(context: Context) -> None:
    """Where every proposal is over the budget nothing was learnt, and nothing passes."""
    attack = make_attack({"use": "art:DeepFool", "max_iter": 10})
    with pytest.raises(Inconclusive, match="no valid proposal"):
        evaluate(context, context.sample(4, 0), [attack], L2(0.01), 0)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("DecisionTreeAttack", PolicyError), ("ProjectedGradientDescentTensorFlowV2", MeasureError)],
)
def test_what_is_not_for_pytorch_says_so(
    kind: str,
    error: type[Exception],
    baseline: Subject,
    digits: tuple[torch.Tensor, torch.Tensor],
) -> None:
    """An attack that cannot run on this model ends in one sentence with its name, not in a traceback."""
    x, y = digits
    with pytest.raises(error, match=f"ART-{kind}") as caught:
        ARTAttack(kind=kind).propose(baseline.model, x[:2], y[:2], threat=Linf(0.3), rng=seeded())
    assert "\n" not in str(caught.value)


def test_one_step_is_never_called_robust() -> None:
    """FGSM by ART is a one-step attack like ours, and so is any gradient attack of one iteration."""
    assert make_attack({"use": "art:FastGradientMethod"}).one_step
    assert make_attack({"use": "art:ProjectedGradientDescent", "max_iter": 1}).one_step
    assert not make_attack({"use": "art:ProjectedGradientDescent"}).one_step
    assert not make_attack({"use": "art:HopSkipJump", "max_iter": 1}).one_step
    assert not make_attack({"use": "art:AutoAttack"}).one_step
