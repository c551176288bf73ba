"""Attacks on images of other shapes and other numbers of classes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.attacks.art import ARTAttack
from securemnist.attacks.base import Attack, AttackInput
from securemnist.attacks.losses import loss_and_gradient, nearest_classes, target_margins
from securemnist.attacks.square import Square
from securemnist.input_spec import InputSpec
from securemnist.referee import inside_budget
from securemnist.threats import L2, THREATS, Linf, Threat
from tests.attacks.examples import ALL
from tests.attacks.models import misclassified, run
from tests.image_forms import FORMS, convolutional, images
from tests.threats.norms import share_of

forms = pytest.mark.parametrize("spec", FORMS.values(), ids=FORMS)
every_norm = pytest.mark.parametrize(
    ("attack", "norm"),
    [
        pytest.param(attack, norm, id=f"{attack.name}-{norm}")
        for attack in ALL
        for norm, kind in THREATS.items()
        if kind.form in attack.forms
    ],
)


@forms
@every_norm
def test_attack_within_threat_on_every_form(attack: Attack, norm: str, spec: InputSpec) -> None:
    """Candidates have the form of the images and lie inside the threat; a wide ball breaks images."""
    model, x = convolutional(spec), images(spec)
    y = model(x).argmax(1)
    threat = share_of(norm, 0.25, spec.size)
    x_adv = run(attack, model, x, y, threat)
    assert x_adv.shape == x.shape
    assert inside_budget(x, x_adv, norm, threat.eps).all()
    if not attack.black_box:  # a dozen queries without gradients, or models of other images
        assert misclassified(model, x_adv, y).any()


@forms
@pytest.mark.parametrize("threat", [Linf(0.2), L2(4.0)], ids=str)
def test_square_breaks_images_of_every_form(threat: Threat, spec: InputSpec) -> None:
    """Square finds adversarial examples by 300 queries; channels have their own signs."""
    model, x = convolutional(spec), images(spec)
    y = model(x).argmax(1)
    x_adv = run(Square(queries=300), model, x, y, threat)
    assert misclassified(model, x_adv, y).any()
    changes = (x_adv - x).sign()
    if spec.channels > 1:
        assert (changes[:, 0] != changes[:, 1]).any()


@forms
def test_art_attack_on_every_form(spec: InputSpec) -> None:
    """An attack of ART gets the shape and the number of classes of the model."""
    model, x = convolutional(spec), images(spec, n=3)
    y = model(x).argmax(1)
    attack = ARTAttack(kind="ProjectedGradientDescentPyTorch", params={"max_iter": 3})
    x_adv = run(attack, model, x, y, Linf(0.1))
    assert inside_budget(x, x_adv, "linf", 0.1).all()


class Linear(nn.Module):
    """Logits of a random linear map, whose boundaries have known distances."""

    def __init__(self, spec: InputSpec) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(4)
        scale = torch.linspace(0.1, 3, spec.classes)[:, None]
        self.weight = nn.Parameter(scale * torch.randn(spec.classes, spec.size, generator=rng))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - 0.5).flatten(1) @ self.weight.T


@pytest.mark.parametrize(("threat", "order"), [(Linf(0.1), 1), (L2(1.0), 2)], ids=["linf", "l2"])
def test_nearest_classes_of_many_by_distance(threat: Threat, order: int) -> None:
    """With 100 classes the nearest of the likeliest 15 come first, by the distance to their boundary."""
    spec = FORMS["colour"]
    model, x = Linear(spec), images(spec)
    logits = model(x)
    y = logits.argmax(1)
    inputs = AttackInput(model, x, y, threat, torch.Generator())
    found = nearest_classes(inputs, 5)
    gaps = logits.gather(1, y[:, None]) - logits
    dual_norms = (model.weight[y][:, None] - model.weight[None]).norm(order, dim=2)
    distances = (gaps / dual_norms.clamp_min(1e-9)).scatter(1, y[:, None], torch.inf)
    likeliest = gaps.scatter(1, y[:, None], torch.inf).topk(15, largest=False).indices
    near = distances.gather(1, likeliest).topk(5, largest=False).indices
    assert torch.equal(found, likeliest.gather(1, near))


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_every_wrong_class_of_few(classes: int) -> None:
    """Nine targets are all wrong classes of a model of at most ten."""
    spec = InputSpec(1, 8, 8, classes)
    model, x = convolutional(spec), images(spec)
    y = model(x).argmax(1)
    targets = nearest_classes(AttackInput(model, x, y, Linf(0.1), torch.Generator()), 9)
    assert targets.shape == (len(x), classes - 1)
    assert (targets != y[:, None]).all()
    _, slope, _ = loss_and_gradient(model, x, y, target_margins, targets[:, 0])
    assert slope.abs().sum() > 0
