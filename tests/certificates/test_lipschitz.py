"""Norms of chains of linear operations, and bounds that rest on them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from securemnist.certificates import certify
from securemnist.certificates.bounds import euclidean, lipschitz
from securemnist.certificates.bounds.lipschitz import Gain, gains, spectral_norm
from securemnist.certificates.certificate import network_of
from tests.certificates.violations import violations

SHAPE = (1, 6, 6)


def convolutional(seed: int = 0) -> nn.Sequential:
    """Two convolutions, one with batch norm, and two linear layers."""
    torch.manual_seed(seed)
    norm = nn.BatchNorm2d(4)
    norm.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    norm.running_mean.uniform_(-1, 1)  # type: ignore[union-attr]
    first = nn.Conv2d(1, 4, 3, padding=1), norm, nn.LeakyReLU(0.1)
    second = nn.Conv2d(4, 3, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 8), nn.ReLU()
    return nn.Sequential(*first, *second, nn.Linear(8, 3)).eval().requires_grad_(False)


MATRICES = {
    "wide": torch.randn(5, 40, generator=torch.Generator().manual_seed(1)).double(),
    "tall": torch.randn(40, 5, generator=torch.Generator().manual_seed(2)).double(),
    "of rank 1": torch.ones(7, 9).double(),
    "zero": torch.zeros(4, 6).double(),
    "of equal singular values": torch.eye(30).double(),
    "of large numbers": 1e30 * torch.eye(3).double(),
    "of small numbers": 1e-40 * torch.eye(3).double(),
}


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_a_spectral_norm_is_an_upper_bound(matrix: torch.Tensor) -> None:
    """It is at least the largest singular value, and hardly more."""
    largest = float(torch.linalg.matrix_norm(matrix, 2))
    assert largest <= spectral_norm(matrix) <= largest * (1 + 1e-5)


def test_a_wrong_eigenvalue_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An eigenvalue that is too small fails its proof, and a looser bound replaces it."""
    matrix = MATRICES["wide"]
    exact, real = spectral_norm(matrix), torch.linalg.eigvalsh
    monkeypatch.setattr(torch.linalg, "eigvalsh", lambda gram: 0.99 * real(gram))
    assert spectral_norm(matrix) > exact


@pytest.mark.parametrize("value", [torch.inf, torch.nan, 1e200])
def test_numbers_beyond_float64_have_no_norm(value: float) -> None:
    """A matrix whose products overflow has an infinite norm, which certifies nothing."""
    assert spectral_norm(torch.tensor([[value, 1.0]]).double()) == torch.inf


def test_gains_are_those_of_the_layers() -> None:
    """Each chain has the row norms and the spectral norm of its matrix, batch norm included."""
    model, x = convolutional(), torch.rand(2, *SHAPE)
    found = gains(network_of(model, x), x.double())
    chains = (model[:2], SHAPE), (model[3:4], (4, 6, 6)), (model[5:7], (3, 2, 2)), (model[8:], (8,))
    for gain, (layers, shape) in zip(found.values(), chains, strict=True):
        zero = layers(torch.zeros(1, *shape))
        basis = torch.eye(math.prod(shape)).view(-1, *shape)
        matrix = (layers(basis) - zero).flatten(1).double()
        assert torch.allclose(gain.rows.flatten(), matrix.norm(dim=0), rtol=1e-4)
        norm = float(torch.linalg.matrix_norm(matrix, 2))
        assert gain.spectral == (torch.inf if shape == (8,) else pytest.approx(norm, rel=1e-4))


class Cancelling(nn.Module):
    """Sums of each pixel with its copy, of opposite weights: a matrix of zeros."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        twice = x.flatten(1).repeat(1, 2)
        return torch.nn.functional.linear(
            twice, torch.tensor([1.0, -1.0]).repeat_interleave(36)[None]
        )


def test_repeated_inputs_end_the_chains() -> None:
    """A sum over copies of an input may cancel, and no gain rests on such a matrix."""
    model = nn.Sequential(Cancelling(), nn.ReLU(), nn.Linear(1, 2)).eval().requires_grad_(False)
    x = torch.rand(1, *SHAPE)
    assert not gains(network_of(model, x), x.double())
    assert certify(model, x, model(x).argmax(1), eps=0.1, norm="l2").margins.isfinite().all()


def test_later_gains_prove_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a wide network more images are certified with the gains of all layers than of the first."""
    torch.manual_seed(0)
    layers = nn.Linear(36, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3)
    model = nn.Sequential(nn.Flatten(), *layers).eval().requires_grad_(False)
    x = torch.rand(16, *SHAPE)
    y = model(x).argmax(1)
    whole = certify(model, x, y, eps=0.15, norm="l2").proved
    monkeypatch.setattr(euclidean, "gains", lambda *given: dict(list(gains(*given).items())[:1]))
    alone = certify(model, x, y, eps=0.15, norm="l2").proved
    assert whole.sum() > alone.sum()
    assert whole[alone].all()


@pytest.mark.parametrize("part", ["rows", "spectral"])
def test_norms_that_are_too_small_are_caught(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Points of the ball violate bounds that rest on a norm that is too small."""
    model = convolutional()
    assert violations(model, 0.5, shape=SHAPE, norm="l2") == 0

    def smaller(*given: object) -> dict[int, Gain]:
        found = lipschitz.gains(*given)  # type: ignore[arg-type]
        share = {"rows": (0.5, 1.0), "spectral": (1.0, 0.2)}[part]
        return {k: Gain(g.rows * share[0], g.spectral * share[1]) for k, g in found.items()}

    monkeypatch.setattr(euclidean, "gains", smaller)
    monkeypatch.setattr(
        "securemnist.certificates.bounds.margin_bounds.check_bounds", lambda *_: None
    )
    assert violations(model, 0.5, shape=SHAPE, norm="l2") > 0
