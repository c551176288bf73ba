"""Bounds of softmax and of products of activations, and activations whose samples do not come first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import nn

from securemnist.certificates import certify
from securemnist.certificates.certificate import network_of
from securemnist.certificates.graph.batch_dimension import aten, samples_first
from securemnist.certificates.operations import attention
from securemnist.certificates.operations.arithmetic import Activations
from securemnist.certificates.operations.concatenation import Concatenate
from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.operations.matrix_products import MatrixProduct
from securemnist.certificates.operations.rules import Rule
from securemnist.certificates.operations.softmax import Softmax
from securemnist.errors import NoCertificate
from tests.certificates.attention import Attention, Fused, Gated, Plain
from tests.certificates.networks import CHANNELS, behind
from tests.certificates.violations import violations

POINTS, BOUNDS = 300, 40
Function = Callable[..., torch.Tensor]
OWN = torch.tensor([[[0.5, -2.0, 3.0]]], dtype=torch.float64)
RULES: dict[str, tuple[Rule, Function, list[tuple[int, ...]]]] = {
    "softmax": (Softmax(3, 5), lambda x: x.softmax(3), [(2, 3, 5)]),
    "softmax of channels": (Softmax(1, 4), lambda x: x.softmax(1), [(4, 3, 2)]),
    "product": (MatrixProduct(), torch.matmul, [(2, 3, 4), (2, 4, 5)]),
    "product, transposed": (
        MatrixProduct(transposes=True),
        lambda one, other: one @ other.mT,
        [(2, 3, 4), (2, 5, 4)],
    ),
    "tokens and one of its own": (
        Concatenate(1, (None, OWN, None)),
        lambda one, other: torch.cat([one, OWN.expand(len(one), -1, -1), other], 1),
        [(2, 3), (4, 3)],
    ),
}


def boxes(shapes: Sequence[tuple[int, ...]], width: float, scale: float) -> list[Box]:
    """Random boxes (1, ...) of widths up to `width` around numbers of this scale."""
    found = []
    for shape in shapes:
        centre = scale * torch.randn(1, *shape, dtype=torch.float64)
        radius = width * torch.rand(1, *shape, dtype=torch.float64)
        found.append(Box(centre - radius, centre + radius))
    return found


def points(box: Box) -> torch.Tensor:
    """Points (POINTS, ...) of a box: half of them are corners."""
    share = torch.rand(POINTS, *box.lower.shape[1:], dtype=torch.float64)
    share[: POINTS // 2] = share[: POINTS // 2].round()
    return box.lower + share * (box.upper - box.lower)


@pytest.mark.parametrize("scale", [1.0, 30.0])
@pytest.mark.parametrize("width", [0.0, 1e-6, 0.1, 3.0, 50.0])
@pytest.mark.parametrize("name", RULES)
def test_no_point_of_a_box_is_outside_its_bounds(name: str, width: float, scale: float) -> None:
    """Intervals and linear bounds hold at corners and other points of narrow and of wide boxes."""
    torch.manual_seed(0)
    rule, function, shapes = RULES[name]
    inputs = boxes(shapes, width, scale)
    out = rule.enclose(*inputs)
    at = [points(box) for box in inputs]
    values, slack = function(*at), 1e-11 * (1 + out.size)
    assert ((values >= out.lower - slack) & (values <= out.upper + slack)).all()
    weights = torch.randn(BOUNDS, *values.shape[1:], dtype=torch.float64)
    weights[: BOUNDS // 2] *= torch.rand_like(weights[: BOUNDS // 2]) < 0.1  # of few outputs
    slopes, constant = rule.backward(weights, inputs, out)
    bound = constant[:, None].expand(-1, POINTS)
    for slope, x in zip(slopes, at, strict=True):
        assert slope is not None
        bound = bound + slope.flatten(1) @ x.flatten(1).T
    least = weights.flatten(1) @ values.flatten(1).T
    assert (bound <= least + 1e-9 * (1 + least.abs())).all()
    if width <= 1e-6:  # the bounds are nearly the values
        assert (least - bound).max() < 1e-3


MOVES: dict[str, tuple[object, list[object], Function]] = {
    "permute": (aten.permute.default, [[2, 0, 3, 1]], lambda x: x.permute(2, 0, 3, 1)),
    "permute, from the end": (
        aten.permute.default,
        [[-1, 1, 0, -2]],
        lambda x: x.permute(3, 1, 0, 2),
    ),
    "transpose": (aten.transpose.int, [0, -1], lambda x: x.transpose(0, 3)),
    "select": (aten.select.int, [-1, 1], lambda x: x.select(3, 1)),
    "unbind": (aten.unbind.int, [3], lambda x: x.unbind(3)[2]),
}


@pytest.mark.parametrize("batch", [0, 1, 2])
@pytest.mark.parametrize("name", MOVES)
def test_moves_are_those_of_activations_with_samples_first(name: str, batch: int) -> None:
    """A move of activations that are kept with samples first gives the same values, samples first."""
    target, args, function = MOVES[name]
    x = torch.rand(2, 3, 4, 5)
    found, rest = samples_first(target, args, 4, batch)
    assert isinstance(found, torch._ops.OpOverload)
    moved = found(x.movedim(batch, 0), *rest)
    moved = moved[2] if name == "unbind" else moved
    after = function(x)
    place = after.shape.index(x.shape[batch])
    assert torch.equal(moved, after.movedim(place, 0))


HEADS = Activations((2, 5, 3))
OTHERS: dict[str, tuple[list[object], dict[str, object], str]] = {
    "masked": ([HEADS, HEADS, HEADS], {"attn_mask": torch.zeros(5, 5)}, "without a mask"),
    "of later tokens": ([HEADS, HEADS, HEADS, 0.0, True], {}, "without a mask"),
    "with dropout": ([HEADS, HEADS, HEADS, 0.5], {}, "without a mask"),
    "of a constant": ([torch.zeros(1, 2, 5, 3), HEADS, HEADS], {}, "of activations"),
    "of shared keys": ([HEADS, Activations((1, 5, 3)), HEADS], {}, "as many heads"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_attention_is_refused(name: str) -> None:
    """Attention whose values these bounds do not describe gets none."""
    arguments, options, reason = OTHERS[name]
    with pytest.raises(NoCertificate, match=reason):
        attention.scaled_dot_product((2, 5, 3), *arguments, **options)  # type: ignore[arg-type]
    assert len(attention.scaled_dot_product((2, 5, 3), HEADS, HEADS, HEADS)) == 4


@pytest.mark.parametrize("layer", [Attention, Fused, Plain, Gated])
def test_bounds_of_a_tiny_ball_are_nearly_the_margins(layer: type[nn.Module]) -> None:
    """Nothing is lost but rounding errors: not a scale, and no value of the token that is not a pixel."""
    torch.manual_seed(2)
    model = nn.Sequential(nn.Conv2d(1, CHANNELS, 5, 5), layer(), nn.Flatten(), nn.LazyLinear(4))
    x = torch.rand(3, 1, 15, 15)
    model(x)
    model.eval().requires_grad_(False)
    best = model(x).topk(2, 1)
    found = certify(model, x, best.indices[:, 0], eps=0.0).margins
    margins = (best.values[:, 0] - best.values[:, 1]).double()
    assert ((found <= margins) & (found > margins - 3e-3)).all()


def test_softmax_inside_a_network_has_bounds() -> None:
    """A layer behind a softmax gets bounds of its own values, which are no logarithms."""
    torch.manual_seed(1)
    model = nn.Sequential(behind(nn.ReLU()), nn.Softmax(1), nn.Linear(10, 4))
    model(torch.rand(1, 1, 28, 28))
    model.eval().requires_grad_(False)
    x = torch.rand(4, 1, 28, 28)
    assert not network_of(model, x).probabilities
    y = model(x).argmax(1)
    for norm, eps in (("linf", 0.01), ("l2", 0.1)):
        assert violations(model, eps, norm=norm) == 0
    assert certify(model, x, y, eps=0.001).proved.any()
