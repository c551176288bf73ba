"""The networks known by name, and the reference weights that were trained for them."""

from __future__ import annotations

import pytest
import torch

from securemnist.attacks import FGSM, PGD
from securemnist.attacks.base import Attack
from securemnist.data import DataSet
from securemnist.errors import ModelError
from securemnist.models import loading
from securemnist.models.architectures import ARCHITECTURES, Stretch, build, normalized
from securemnist.threats import Linf

PARAMETERS = {"A": 421_642, "C": 1_199_882, "D": 225_034, "S": 483_562, "S-mnist": 2_667_274}
# What undefended networks of these sizes reach; a transposed or half-loaded one does not come near.
READS_WELL = 0.98


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_network_has_the_size_it_states(name: str) -> None:
    """Each architecture has the layers of its description, counted in parameters, and ten logits."""
    network = build(name)
    assert sum(p.numel() for p in network.parameters()) == PARAMETERS[name]
    assert f"{PARAMETERS[name]:,} parameters" in (network.__doc__ or "")
    assert network.eval()(torch.rand(3, 1, 28, 28)).shape == (3, 10)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_subject_answers_alike_twice(name: str) -> None:
    """Under assessment nothing is dropped out: two calls with the same digits give the same logits."""
    torch.manual_seed(0)
    subject = loading.from_model(build(name), name=name)
    x = torch.rand(4, 1, 28, 28)
    assert torch.equal(subject.model(x), subject.model(x))


def test_dropout_is_there_in_training() -> None:
    """Network C drops units out while it learns; without that it is another network."""
    network = build("C").train()
    x = torch.rand(4, 1, 28, 28)
    assert not torch.equal(network(x), network(x))


def test_an_unknown_network_is_named() -> None:
    """A name that nobody knows is refused with the names that are known."""
    with pytest.raises(ModelError, match="A, C, D, S"):
        build("B")


def test_normalized_moves_the_mean_into_the_network() -> None:
    """A network that wants a mean and a deviation gets them, while its caller sends pixels."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    x = torch.rand(4, 1, 28, 28)
    assert torch.allclose(normalized(network, 0.25, 0.5)(x), network((x - 0.25) / 0.5))


@pytest.mark.parametrize(
    "name", ["network_c", "network_d", "fgsm_trained", "poisoned_dirty", "poisoned_clean_label"]
)
def test_a_reference_model_reads_digits(name: str, mnist: DataSet) -> None:
    """Every reference model, the poisoned ones included, reads unmodified digits well."""
    subject = loading.resolve(name)
    digits = mnist.tuning[:500]
    right = subject.model(digits.images()).argmax(1) == digits.labels
    assert right.float().mean() >= READS_WELL


def test_the_fgsm_trained_control_falls(mnist: DataSet) -> None:
    """Trained on FGSM examples of the baseline it reads those, and next to none of PGD's on itself."""
    control, source = (loading.resolve(name).model for name in ("fgsm_trained", "baseline"))
    digits = mnist.tuning[:200]
    x, y, threat = digits.images(), digits.labels, Linf(0.2)

    def accuracy_under(attack: Attack, against: torch.nn.Module) -> float:
        rng = torch.Generator().manual_seed(0)
        x_adv = attack.propose(against, x, y, threat=threat, rng=rng)
        return float((control(x_adv).argmax(1) == y).float().mean())

    assert accuracy_under(FGSM(), source) >= 0.95
    assert accuracy_under(PGD(steps=20), control) <= 0.1


@pytest.mark.parametrize(("name", "reads"), [("S", False), ("S-mnist", True)])
def test_the_stretch_makes_pixels_immune(name: str, reads: bool) -> None:
    """Behind the stretch no pixel nearer than 0.3 to black or white matters; without it all do."""
    torch.manual_seed(0)
    network = build(name).eval()
    x = torch.rand(4, 1, 28, 28).round()
    moved = (x - 0.3).abs()
    assert torch.equal(network(x), network(moved)) is reads


def test_a_stretch_leaves_something_between() -> None:
    """A stretch from half on would leave no pixel with a meaning."""
    with pytest.raises(ModelError, match=r"below 0\.5"):
        Stretch(0.5)
