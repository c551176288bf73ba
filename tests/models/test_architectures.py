"""Architectures by name, and the accuracy of their reference weights."""

from __future__ import annotations

import pytest
import torch

from securemnist.attacks import FGSM, PGD
from securemnist.attacks.base import Attack
from securemnist.data import DataSet
from securemnist.errors import ModelError
from securemnist.models import loading
from securemnist.models.architectures import ARCHITECTURES, Stretch, build
from securemnist.models.wrappers import normalized
from securemnist.threats import Linf

PARAMETERS = {"A": 421_642, "C": 1_199_882, "D": 225_034, "S": 483_562, "S-mnist": 2_667_274}
# What undefended networks of these sizes reach; a transposed or half-loaded one does not come near.
READS_WELL = 0.98


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_architecture_parameter_count(name: str) -> None:
    """Each architecture has the parameter count of its docstring, and ten logits."""
    network = build(name)
    assert sum(p.numel() for p in network.parameters()) == PARAMETERS[name]
    assert f"{PARAMETERS[name]:,} parameters" in (network.__doc__ or "")
    assert network.eval()(torch.rand(3, 1, 28, 28)).shape == (3, 10)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_loaded_model_deterministic(name: str) -> None:
    """Dropout is off: two calls with the same images give the same logits."""
    torch.manual_seed(0)
    subject = loading.from_model(build(name), name=name)
    x = torch.rand(4, 1, 28, 28)
    assert torch.equal(subject.model(x), subject.model(x))


def test_dropout_active_in_training() -> None:
    """Network C applies dropout in training mode."""
    network = build("C").train()
    x = torch.rand(4, 1, 28, 28)
    assert not torch.equal(network(x), network(x))


def test_unknown_architecture_refused() -> None:
    """An unknown name is refused with the list of known names."""
    with pytest.raises(ModelError, match="A, C, D, S"):
        build("B")


def test_normalized_wraps_network() -> None:
    """A wrapped network gets normalised input while its caller passes pixels."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    x = torch.rand(4, 1, 28, 28)
    assert torch.allclose(normalized(network, 0.25, 0.5)(x), network((x - 0.25) / 0.5))


@pytest.mark.parametrize(
    "name", ["network_c", "network_d", "fgsm_trained", "poisoned_dirty", "poisoned_clean_label"]
)
def test_reference_model_accuracy(name: str, mnist: DataSet) -> None:
    """Every reference model, also a poisoned one, has a high clean accuracy."""
    subject = loading.resolve(name)
    samples = mnist.tuning[:500]
    right = subject.model(samples.images()).argmax(1) == samples.labels
    assert right.float().mean() >= READS_WELL


def test_fgsm_trained_control_not_robust(mnist: DataSet) -> None:
    """It is robust to FGSM examples of the baseline, and PGD breaks nearly all images."""
    control, source = (loading.resolve(name).model for name in ("fgsm_trained", "baseline"))
    samples = mnist.tuning[:200]
    x, y, threat = samples.images(), samples.labels, Linf(0.2)

    def accuracy_under(attack: Attack, against: torch.nn.Module) -> float:
        rng = torch.Generator().manual_seed(0)
        x_adv = attack.propose(against, x, y, threat=threat, rng=rng)
        return float((control(x_adv).argmax(1) == y).float().mean())

    assert accuracy_under(FGSM(), source) >= 0.95
    assert accuracy_under(PGD(steps=20), control) <= 0.1


@pytest.mark.parametrize(("name", "reads"), [("S", False), ("S-mnist", True)])
def test_stretch_removes_small_perturbations(name: str, reads: bool) -> None:
    """With the stretch no change of a pixel within 0.3 of black or white matters; without it all do."""
    torch.manual_seed(0)
    network = build(name).eval()
    x = torch.rand(4, 1, 28, 28).round()
    moved = (x - 0.3).abs()
    assert torch.equal(network(x), network(moved)) is reads


def test_stretch_parameter_range() -> None:
    """A stretch of 0.5 or more, which leaves no value between, is refused."""
    with pytest.raises(ModelError, match=r"below 0\.5"):
        Stretch(0.5)
