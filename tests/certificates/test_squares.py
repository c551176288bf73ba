"""Certificates for patches and single pixels: all places, bounds that hold, exact decisions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

import securemnist
from securemnist.certificates import INTERVALS, METHODS, certify
from securemnist.certificates.bounds.places import search_places, square_margins
from securemnist.certificates.certificate import network_of
from securemnist.certificates.proofs.proof import prove
from securemnist.errors import MeasureError, UsageError
from securemnist.referee import SLACK, inside_budget
from securemnist.threats import L0, Patch
from tests.certificates.balls import first_wrong
from tests.certificates.tiny import sample, smallest_within, tiny


def network(channels: int, height: int, width: int, seed: int = 0) -> nn.Sequential:
    """A small convolutional network of three classes for images of this shape."""
    torch.manual_seed(seed)
    convolution = nn.Conv2d(channels, 4, 3, stride=2, padding=1)
    features = convolution(torch.zeros(1, channels, height, width)).numel()
    layers = [convolution, nn.ReLU(), nn.Flatten(), nn.Linear(features, 8), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(8, 3)).eval().requires_grad_(False)


def smallest_margin(model: nn.Sequential, x: torch.Tensor, label: int) -> float:
    """The smallest margin of a tiny network over all single pixels, by linear programs."""
    pixels = x.flatten().double().numpy()
    least = math.inf
    for place in range(len(pixels)):
        limits = np.stack([pixels - SLACK, pixels + SLACK], 1).clip(0, 1)
        limits[place] = 0, 1
        least = min(least, smallest_within(model, limits, label))
    return least


def test_tiny_networks_are_decided_exactly() -> None:
    """Branch and bound proves exactly the images whose margin is above 0 at every place."""
    decisions = set()
    for seed in range(4):
        model = tiny(seed)
        x, y = sample(model, seed)
        exact = smallest_margin(model, x, int(y))
        found = prove(model, x, y, eps=1, norm="patch", seconds=math.inf)
        assert abs(exact) > 1e-4, "an image on the boundary decides nothing"
        assert bool(found.proved) == (exact > 0)
        assert float(certify(model, x, y, eps=1, norm="patch").margins) <= exact
        if found.proved:
            assert 0 < float(found.margins) <= exact + 1e-9
        decisions.add(exact > 0)
    assert decisions == {True, False}


@pytest.mark.parametrize("shape", [(1, 9, 9), (3, 7, 11)], ids=str)
def test_no_square_is_below_the_certificate(shape: tuple[int, int, int]) -> None:
    """Squares of random, black and white pixels at all places have margins above the certificate."""
    model, side = network(*shape), 2
    x = torch.rand(6, *shape, generator=torch.Generator().manual_seed(1))
    logits = model(x)
    y = logits.argmax(1)
    # Margins that a few pixels do not change, so that some images are certified.
    model[-1].bias.data += 0.5 * torch.nn.functional.one_hot(y[0], 3)
    y = model(x).argmax(1)
    bounds = certify(model, x, y, eps=side, norm="patch").margins
    assert bounds.isfinite().any()
    for row in range(shape[1] - side + 1):
        for column in range(shape[2] - side + 1):
            for fill in (torch.rand(shape[0], side, side), 0.0, 1.0):
                changed = x.clone()
                changed[..., row : row + side, column : column + side] = fill
                assert inside_budget(x, changed, "patch", side).all()
                logits = model(changed).double()
                right = logits.gather(1, y[:, None]).squeeze(1)
                wrong = logits.scatter(1, y[:, None], -torch.inf).amax(1)
                assert (right - wrong >= bounds).all()


def test_a_place_that_breaks_is_broken_or_open() -> None:
    """An image with one bad place is not proved; the attack from its bounds breaks it."""
    model = network(1, 6, 6)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model[0].weight[0, 0, 1, 1] = 1.0  # the pixels of even rows and columns
        model[3].weight[0, 8] = 1.0  # the last of them
        model[5].weight[1, 0] = 1.0
        model[5].bias[0] = 0.9
    x, y = torch.zeros(1, 1, 6, 6), torch.zeros(1, dtype=torch.long)
    asked = []

    def attack(place: int, starts: torch.Tensor) -> torch.Tensor | None:
        asked.append(place)
        images = Patch(1).project(x.expand_as(starts), starts)
        return first_wrong(model, torch.zeros(1, dtype=torch.int64))(place, images)

    found = prove(model, x, y, eps=1, norm="patch", seconds=20, attack=attack)
    assert (bool(found.proved), bool(found.broken)) == (False, True)
    assert set(asked) == {0}
    model[5].bias.data[0] = 1.1
    found = prove(model, x, y, eps=1, norm="patch", seconds=20, attack=attack)
    assert (bool(found.proved), bool(found.broken)) == (True, False)
    assert found.decided.isfinite().all()


def test_few_values_of_a_pixel_that_break_are_found() -> None:
    """Of the values of one pixel only those from 0.39 to 0.46 are wrong, and halving finds one."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(9, 3), nn.ReLU(), nn.Linear(3, 2)).eval()
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].weight[:, 4] = 1.0
        model[1].bias.copy_(torch.tensor([-0.35, -0.425, -0.5]))
        # A hat: 0 up to 0.35, 1.5 at 0.425, and 0 again from 0.5.
        model[3].weight.copy_(torch.tensor([[0.0, 0.0, 0.0], [20.0, -40.0, 20.0]]))
        model[3].bias.copy_(torch.tensor([0.7, 0.0]))
    x, y, asked = torch.zeros(1, 1, 3, 3), torch.zeros(1, dtype=torch.long), []

    def counterexample(images: torch.Tensor) -> bool:
        asked.append(images)
        return True

    places = search_places(network_of(model, x), model, x, y, 1, counterexample=counterexample)
    assert places.broken
    (images,) = asked
    assert (model(images).argmax(1) == 1).all()
    assert inside_budget(x.expand_as(images), images, "l0", 1).all()
    left = search_places(network_of(model, x), model, x, y, 1).left
    assert (left.values == torch.tensor([[[0.375], [0.5]]])).all(), "its centre is wrong"
    model[3].bias.data[0] = 1.6
    places = search_places(network_of(model, x), model, x, y, 1, counterexample=counterexample)
    assert not places.broken
    assert not len(places.left)
    assert 0 < places.lowest <= 0.1


def test_without_time_nothing_is_proved() -> None:
    """A search without seconds leaves all images open, and says that nothing was decided."""
    model = network(1, 6, 6)
    x = torch.rand(2, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    found = prove(model, x, model(x).argmax(1), eps=1, norm="patch", seconds=0)
    assert not (found.proved | found.broken).any()
    assert found.decided.isinf().all()
    assert (found.margins == -torch.inf).all()


def test_one_pixel_of_l0_is_a_patch_of_one_pixel() -> None:
    """`l0` with an eps of 1 gives the certificates of a patch of one pixel, all channels together."""
    model = network(3, 6, 5)
    x = torch.rand(4, 3, 6, 5, generator=torch.Generator().manual_seed(2))
    y = model(x).argmax(1)
    both = [
        securemnist.certify(model, x, y, eps=1, norm=norm, progress=False, proof_seconds=5)
        for norm in ("l0", "patch")
    ]
    assert torch.equal(both[0].proved, both[1].proved)
    assert both[0].proved.any()
    assert L0(1).certifiable
    assert not L0(2).certifiable


@pytest.mark.parametrize(
    ("norm", "eps", "shape", "error"),
    [
        ("l0", 2, (1, 6, 6), "l0 of 1 pixel"),
        ("patch", 0, (1, 6, 6), "patch with a side of 1"),
        ("patch", 1.5, (1, 6, 6), "patch with a side of 1"),
        ("patch", math.nan, (1, 6, 6), "patch with a side of 1"),
        ("patch", math.inf, (1, 6, 6), "patch with a side of 1"),
        ("patch", 1, (36,), r"images \(n, C, H, W\)"),
    ],
)
def test_other_squares_are_refused(
    norm: str, eps: float, shape: tuple[int, ...], error: str
) -> None:
    """More than one pixel, no pixel and samples without a place end with one sentence."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 3)).eval()
    x, y = torch.rand(2, *shape), torch.zeros(2, dtype=torch.long)
    for call in (certify, lambda *a, **k: prove(*a, **k, seconds=1)):
        with pytest.raises(MeasureError, match=error):
            call(model, x, y, eps=eps, norm=norm)
    with pytest.raises(UsageError, match="linf, l2, patch, l0"):
        securemnist.certify(model, x, y, eps=1, norm="l1", progress=False)


def test_images_that_intervals_prove_do_not_count_against_crown() -> None:
    """CROWN is dropped after images that it was tried on in vain, not after images without it."""
    model = network(1, 6, 6)
    model[-1].bias.data[0] += 100.0
    x = torch.rand(3, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    y = torch.zeros(3, dtype=torch.long)
    margins, by, tried = square_margins(network_of(model, x), model, x, y, 1, crown=True)
    assert (margins > 0).all()
    assert (by == METHODS.index(INTERVALS)).all()
    assert tried == 0
