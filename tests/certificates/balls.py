"""Balls of tiny networks: their relaxations, and searches that neither attack nor count."""

from __future__ import annotations

import torch
from torch import nn

from securemnist.certificates.certificate import network_of
from securemnist.certificates.operations.intervals import ball
from securemnist.certificates.proofs.proof_run import Attack
from securemnist.certificates.relaxations.reduced import ReducedNetwork
from securemnist.certificates.relaxations.relaxation import Relaxation
from tests.certificates.tiny import sample, tiny

EPS, SEEDS = 0.3, range(6)


def margin_of(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The weights (1, 3) of the margin of an image's class over the next one."""
    label = int(model(x).argmax(1))
    eye = torch.eye(3, dtype=torch.float64)
    return (eye[label] - eye[(label + 1) % 3])[None]


def never(_starts: torch.Tensor) -> bool:
    """An attack that finds nothing."""
    return False


def first_wrong(model: nn.Module, y: torch.Tensor) -> Attack:
    """An attack whose example is the first start that is not of its label in `y` (n,)."""

    def attack(place: int, starts: torch.Tensor) -> torch.Tensor | None:
        wrong = starts[model(starts).argmax(1) != y[place]]
        return wrong[0] if len(wrong) else None

    return attack


def ignored(_domains: int) -> None:
    """A counter that counts nothing."""


def ball_of(seed: int) -> tuple[Relaxation, ReducedNetwork, torch.Tensor]:
    """The relaxation of a ball, its reduced network and the weights of a margin."""
    model = tiny(seed, hidden=12)
    x, _ = sample(model, seed)
    net = network_of(model, x)
    relaxed = Relaxation(net, net.intervals(ball(x, EPS)))
    assert relaxed.reduced is not None
    return relaxed, relaxed.reduced, margin_of(model, x)
