"""A model that jumps between points with true gradients is doubted; a continuous one is not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, pad

from securemnist.data import DataSet
from securemnist.defences import make_defence
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts.gradients import gradients
from securemnist.evaluation.doubts.lines import jumps
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.threats import L0, L1, L2, Linf, Patch, Threat
from tests.evaluation.doubts.impostors import Around, Noisy
from tests.evaluation.doubts.test_gradients import OWN_TRAINING, case, network

IMAGES = 20
SPARSE = (L1(8), L0(1), L0(15), Patch(4))
# A line in linf 0.1 is one of those of each sparse threat. In linf 0.3 the tests of gradients try each
# network.
THREATS = (Linf(0.03), L2(1.5), L2(0.3), *SPARSE)


class Fallback(Around):
    """Images that a detector takes for changed go to another network."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.other = loading.resolve("hardened").model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        changed = self.is_changed(x)[:, None]
        return torch.where(changed, self.other(x), self.network(x))

    def is_changed(self, x: torch.Tensor) -> torch.Tensor:
        """Boolean (n,)."""
        raise NotImplementedError


class OffTheLevels(Fallback):
    """Changed is an image with a pixel that 8 bits do not represent."""

    def is_changed(self, x: torch.Tensor) -> torch.Tensor:
        return ((255 * x - (255 * x).round()).abs() > 1e-3).flatten(1).any(1)


class GreyBackground(Fallback):
    """Changed is an image whose dark pixels are not black."""

    def is_changed(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x < 0.35, x, 0).square().flatten(1).sum(1) > 1


class SinglePixels(Fallback):
    """Changed is an image with a pixel that differs from all its neighbours."""

    def is_changed(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[2:]
        wide = pad(x, (1, 1, 1, 1))
        places = [
            (down, right) for down in range(3) for right in range(3) if (down, right) != (1, 1)
        ]
        near = [wide[:, :, down : down + height, right : right + width] for down, right in places]
        differs = (torch.stack(near) - x).abs().amin(0) > 0.5
        return differs.flatten(1).any(1)


class Checkerboards(Fallback):
    """Changed is an image with 3x3 pixels that alternate more than those of digits."""

    def is_changed(self, x: torch.Tensor) -> torch.Tensor:
        signs = torch.tensor([1.0, -1, 1, -1, 1, -1, 1, -1, 1], dtype=x.dtype).view(1, 1, 3, 3)
        return conv2d(x, signs).abs().flatten(1).amax(1) > 2


class Sawtooth(Around):
    """Between 16 levels the pixels fall where they should rise, with their true derivative."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        level = (15 * x).round() / 15
        return self.network(level - (x - level))


@pytest.mark.parametrize("kind", [OffTheLevels, GreyBackground, Sawtooth])
def test_jumps_are_doubted(kind: type[Around], mnist: DataSet) -> None:
    """A fallback behind a detector, and a sawtooth, are doubted, though their gradients are true."""
    found = gradients(case(kind(network()).eval(), mnist, Linf(0.2), IMAGES))
    assert found is not None
    assert "the answer jumps" in found.reason


@pytest.mark.parametrize(
    ("kind", "threat"),
    [
        (SinglePixels, L0(5)),
        (Checkerboards, L1(8)),
        (Checkerboards, Patch(7)),
    ],
)
def test_jumps_along_sparse_lines_are_doubted(
    kind: type[Around], threat: Threat, mnist: DataSet
) -> None:
    """A fallback that only changes of few pixels reach is doubted in L1, for pixels and for patches."""
    network_behind = case(kind(network()).eval(), mnist, threat, IMAGES)
    found = gradients(network_behind)
    assert found is not None
    assert "the answer jumps" in found.reason
    dense = dataclasses.replace(network_behind, threat=network_behind.dense_threat)
    assert jumps(dense)[0] <= 1


@pytest.mark.parametrize(
    ("kind", "threat", "attack"),
    [
        (SinglePixels, {"norm": "l0", "eps": 5}, {"use": "SparseRS", "queries": 20}),
        (OffTheLevels, {"norm": "linf", "eps": 0.1}, {"use": "APGD", "steps": 10}),
    ],
)
def test_row_of_a_fallback_does_not_pass(
    kind: type[Around], threat: dict[str, Any], attack: dict[str, Any], mnist: DataSet
) -> None:
    """A network behind a detector of changes does not pass by its fallback, without a doubt."""
    context = Context(loading.from_model(kind(network()).eval(), name="it"), mnist)
    row = {"threat": threat, "attack": attack, "images": IMAGES}
    measured = take_measurement(context, "attack_accuracy", bind("attack_accuracy", row), 0)
    assert "gradients" in [doubt.name for doubt in measured.doubts]


@pytest.mark.parametrize("threat", [L1(0), L0(0), Patch(0)], ids=str)
def test_a_threat_without_changes_has_no_sparse_jumps(threat: Threat, mnist: DataSet) -> None:
    """Lines of no length do not jump."""
    found, compared = jumps(case(SinglePixels(network()).eval(), mnist, threat, IMAGES))
    assert found <= compared / 20


@pytest.mark.parametrize("number", range(len(THREATS)), ids=lambda number: str(THREATS[number]))
def test_continuous_networks_do_not_jump(number: int, mnist: DataSet) -> None:
    """Of each reference network at most one image in twenty has more kinks than points of a line.

    Each threat meets a quarter of the networks, and each network a quarter of the threats. The
    poisoned networks are left out.
    """
    for name in OWN_TRAINING[number % 4 :: 4]:
        found, compared = jumps(case(loading.resolve(name).model, mnist, THREATS[number], IMAGES))
        assert compared > IMAGES // 2
        assert found <= compared / 20


def test_refused_images_are_no_jumps(mnist: DataSet) -> None:
    """A detector whose refusal counts as an error hides nothing from an attack."""
    hardened = loading.resolve("hardened").model
    defended = make_defence({"use": "detector", "threshold": 0.5}).wrap(hardened)
    found, compared = jumps(case(defended, mnist, Linf(0.3), IMAGES))
    assert found <= compared / 20


def test_models_whose_answers_vary_are_left_out(mnist: DataSet) -> None:
    """Random answers differ along a line anyway, and no image is compared."""
    assert jumps(case(Noisy(network()).eval(), mnist, Linf(0.1), IMAGES)) == (0, 0)
