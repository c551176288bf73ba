"""Properties of every attack in the table: threat set, seeds, models without gradients, settings."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from securemnist.attacks import ATTACKS, make_attack, settings_of
from securemnist.attacks.apgd import APGD, APGDT
from securemnist.attacks.apgd_restarts import NearestAPGD
from securemnist.attacks.base import Attack
from securemnist.attacks.fgsm import FGSM, RFGSM
from securemnist.attacks.onward import OnwardPGD
from securemnist.attacks.pgd import PGD
from securemnist.attacks.square import Square
from securemnist.data import DataSet
from securemnist.errors import PolicyError
from securemnist.referee import inside_budget
from securemnist.threats import L0, THREATS, Linf, Patch, Threat
from tests.attacks.examples import ALL, EXAMPLES
from tests.attacks.models import Linear, WithoutGradient, linear, misclassified, run
from tests.error_form import one_sentence
from tests.evaluation.doubts import networks
from tests.threats.norms import ORDERS, share_of

every = pytest.mark.parametrize("attack", ALL, ids=lambda a: a.name)
CASES = [
    pytest.param(attack, norm, id=f"{attack.name}-{norm}")
    for attack in ALL
    for norm, kind in THREATS.items()
    if kind.form in attack.forms
]
# Every attack in every norm that it works in, and in one norm of each form.
every_norm = pytest.mark.parametrize(("attack", "norm"), CASES)
every_form = pytest.mark.parametrize(
    ("attack", "norm"), [case for case in CASES if case.values[1] in ("linf", "l0", "patch")]
)


def usual(attack: Attack, norm: str, model: Linear, x: torch.Tensor, y: torch.Tensor) -> Threat:
    """A threat within which about half of the images of a linear model have another class."""
    if norm not in ORDERS:
        return share_of(norm, {"l0": 0.01, "patch": 0.2}[norm], 784)
    return THREATS[norm](float(model.radius(x, y, norm).median()))


def test_every_attack_has_an_example() -> None:
    """An attack that is added to the table needs an example, so that these tests see it."""
    assert set(EXAMPLES) == set(ATTACKS)
    for name, examples in EXAMPLES.items():
        assert {type(attack) for attack in examples} == {ATTACKS[name]}


@pytest.fixture(scope="module")
def network(mnist: DataSet) -> nn.Module:
    """A small network with max pooling."""
    return networks.plain(mnist, 0, networks.pooled)


@every_norm
@settings(max_examples=4)
@given(share=st.floats(0, 1), low=st.integers(0, 4_990), seed=st.integers(0, 2**32))
def test_candidates_within_threat(
    attack: Attack, norm: str, share: float, low: int, seed: int, network: nn.Module, mnist: DataSet
) -> None:
    """The referee accepts every candidate, for eps from 0 to the largest; inputs are unchanged."""
    samples = mnist.tuning[low : low + 6]
    x, threat = samples.images(), share_of(norm, share, 784)
    before = x.clone()
    x_adv = run(attack, network, x, samples.labels, threat, seed)
    assert attack.keeps_budget
    assert inside_budget(x, x_adv, norm, threat.eps).all()
    assert torch.equal(x, before)


# Those whose starts or squares are drawn at random: another seed shows even on a linear model.
SEEDED = (RFGSM, PGD, APGD, APGDT, NearestAPGD, OnwardPGD, Square)


@every_form
def test_candidates_determined_by_seed(attack: Attack, norm: str) -> None:
    """Equal seeds give equal candidates, whatever the global generators; FGSM needs no seed."""
    model, x, y, _ = linear()
    threat = usual(attack, norm, model, x, y)
    first, other = (run(attack, model, x, y, threat, seed) for seed in (3, 4))
    torch.manual_seed(99)
    assert torch.equal(first, run(attack, model, x, y, threat, 3))
    if isinstance(attack, (FGSM, *SEEDED)):
        assert torch.equal(first, other) is isinstance(attack, FGSM)


@every_norm
def test_large_eps_breaks_samples(attack: Attack, norm: str) -> None:
    """On a linear model at ten times the median distance to another class, samples are broken."""
    model, x, y, _ = linear()
    # Models of digits, as of the attack `transfer`, know little of the sparse optimum in L1.
    eps = (30 if norm == "l1" else 10) * usual(attack, norm, model, x, y).eps
    x_adv = run(attack, model, x, y, THREATS[norm](min(eps, THREATS[norm].span(784))))
    assert misclassified(model, x_adv, y).sum() > 2


@every
def test_attack_on_model_without_gradient(attack: Attack) -> None:
    """An attack on a model without gradients ends, with candidates in the threat set."""
    x = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    y = WithoutGradient()(x).argmax(1)
    threat = Linf(0.1) if "ball" in attack.forms else Patch(3)
    x_adv = run(attack, WithoutGradient(), x, y, threat)
    assert inside_budget(x, x_adv, threat.norm, threat.eps).all()


class NaNWhenPerturbed(nn.Module):
    """Returns NaN logits, and NaN gradients, for images with a pixel changed by more than 0.05."""

    def __init__(self, model: nn.Module, clean: torch.Tensor) -> None:
        super().__init__()
        self.model, self.clean = model, clean

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        moved = (x[:, None] - self.clean[None]).abs().amax((2, 3, 4)).amin(1) > 0.05
        logits: torch.Tensor = self.model(x) + torch.where(moved, torch.nan, 0.0)[:, None]
        return logits


@every
def test_attack_on_nan_logits(attack: Attack) -> None:
    """For a model that returns NaN in the ball, candidates are finite and in the threat set."""
    model, x, y, _ = linear()
    threat = Linf(0.2) if "ball" in attack.forms else Patch(3)
    x_adv = run(attack, NaNWhenPerturbed(model, x), x, y, threat)
    assert inside_budget(x, x_adv, threat.norm, threat.eps).all()


@pytest.mark.parametrize("name", [*ATTACKS, "art:DeepFool"])
def test_attack_refuses_other_forms(name: str) -> None:
    """An attack in a threat of a form that it does not work in is one error that names it."""
    attack = make_attack({"use": name})
    model, x, y, _ = linear()
    for threat in (Linf(0.2), L0(3), Patch(3)):
        if threat.form not in attack.forms:
            with pytest.raises(PolicyError, match=f"works in {threat.norm}, got {attack.name}"):
                run(attack, model, x, y, threat)


@every
def test_attack_is_frozen_value(attack: Attack) -> None:
    """An attack round-trips through JSON, cannot be changed, and states its cost and a longer attack."""
    assert make_attack(attack.to_json()) == attack
    assert hash(make_attack(attack.to_json())) == hash(attack)
    # One that is left out has its default value, since the attack comes back equal.
    assert set(attack.to_json()) - {"use"} <= set(settings_of(type(attack).__name__))
    with pytest.raises(dataclasses.FrozenInstanceError):
        attack.steps = 5  # type: ignore[attr-defined]
    longer = attack.longer()
    assert attack.passes() > 0
    assert longer is None or longer.passes() > attack.passes()
    assert (longer is None) == (attack.one_step or attack.black_box)


@every
def test_attack_with_default_settings(attack: Attack) -> None:
    """The name alone gives an attack of its class, with a printed name."""
    rebuilt = make_attack({"use": type(attack).__name__})
    assert isinstance(rebuilt, type(attack))
    assert rebuilt.name


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use": "Magic"},
        {"use": 3},
        {"use": "FGSM", "eps": 0.1},
        *({"use": "RFGSM", "start": start} for start in (0, None)),
        *({"use": "PGD", "steps": steps} for steps in (-1, 2.0)),
        {"use": "PGD", "step_size": -0.1},
        {"use": "PGD", "loss": ["ce"]},
        {"use": "APGD", "steps": 0},
        {"use": "APGD", "restarts": True},
        {"use": "APGD", "loss": "cw"},
        *({"use": "APGDT", "targets": targets} for targets in (1000, 2.0)),
        {"use": "APGDT", "targets": 3, "followed": 4},
        *({"use": "APGDT", "followed": followed} for followed in (-1, 1.0)),
        {"use": "FAB", "steps": "many"},
        {"use": "FAB", "targets": 0},
        {"use": "BoundaryFAB", "starts": 0},
        {"use": "NearestAPGD", "restarts": 0},
        *({"use": "NearestAPGD", "share": share} for share in (0, "all", float("nan"))),
        {"use": "Square", "queries": -5},
        *({"use": "Square", "start": start} for start in (0, float("nan"))),
        {"use": "Square", "p_init": 0.8},
    ],
    ids=str,
)
def test_invalid_settings(settings: dict[str, Any]) -> None:
    """An unknown attack and an invalid setting are one PolicyError of one sentence."""
    with pytest.raises(PolicyError) as caught:
        make_attack(settings)
    one_sentence(caught.value)
