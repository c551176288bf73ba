"""Operations that move the batch dimension, as they are with samples first.

Attention is often written as permute(2, 0, 3, 1, 4) of (samples, tokens, 3, heads, values), followed by a
division into three. Activations are kept with samples first, so that dimensions have other numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from securemnist.errors import NoCertificate

aten = torch.ops.aten
# Operations that may read or write activations whose batch dimension is not the first.
MOVING = (
    aten.permute.default,
    aten.transpose.int,
    aten.select.int,
    aten.unbind.int,
    aten.clone.default,
    aten.alias.default,
    aten.detach.default,
)


def samples_first(
    target: Any, args: Sequence[Any], sides: int, batch: int
) -> tuple[Any, list[Any]]:
    """The operation and its further arguments, for `sides` dimensions of which `batch` comes first.

    NoCertificate where the operation selects a sample.
    """
    if target in (aten.permute.default, aten.transpose.int):
        order = list(range(sides))
        if target is aten.permute.default:
            order = [dim % sides for dim in args[0]]
        else:
            one, other = (dim % sides for dim in args)
            order[one], order[other] = other, one
        return aten.permute.default, [[0, *(_place(d, batch) for d in order if d != batch)]]
    if target in (aten.select.int, aten.unbind.int):
        dim, *rest = args or [0]
        if dim % sides == batch:
            raise NoCertificate("expected every sample, got one selected")
        return target, [_place(dim % sides, batch), *rest]
    return target, list(args)


def _place(dim: int, batch: int) -> int:
    """Where a dimension other than that of the batch is with samples first."""
    return dim + 1 if dim < batch else dim
