"""The kind of a data set by its pixels: usual epsilons, and triggers that can be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from securemnist.data import DataSet
from securemnist.types import Images

_IMAGES = 500
# Of MNIST 89 % of the pixels are nearly black or white, of photographs 5 to 40 %.
_EXTREME, _MARGIN = 0.7, 0.1
_STROKES = (0.3, 0.2, 0.1, 0.05, 0.025, 0.0125, 0.00625, 1 / 255)
_NATURAL = (8 / 255, 4 / 255, 2 / 255, 1 / 255)
# Side of a corner trigger as a share of the image: 4 of 28 pixels, as in Gu et al. 2017.
_PARTS, _SMALLEST = 7, 2


@dataclass(frozen=True, kw_only=True)
class Kind:
    """`name` of the kind, and its usual L-infinity epsilons, largest first.

    `l2`: the usual epsilon of an L2 row, or None. `trigger`: a corner that differs from these images.
    """

    name: str
    linf: tuple[float, ...]
    l2: float | None
    trigger: dict[str, Any]


def kind_of(data: DataSet) -> Kind:
    """The kind by at most 500 tuning images, else test images."""
    x = (data.tuning if len(data.tuning) else data.test)[:_IMAGES].images()
    extreme = float(((x < _MARGIN) | (x > 1 - _MARGIN)).float().mean())
    if data.spec.channels == 1 and extreme >= _EXTREME:
        return Kind(name="black and white strokes", linf=_STROKES, l2=None, trigger=_corner(x))
    colour = data.spec.channels > 1
    name = "colour images" if colour else "grey images"
    return Kind(name=name, linf=_NATURAL, l2=0.5 if colour else None, trigger=_corner(x))


def _corner(x: Images) -> dict[str, Any]:
    """A square in the lower right corner: white on a dark background, else black."""
    size = max(_SMALLEST, round(min(x.shape[2:]) / _PARTS))
    dark = float(torch.mean(x[..., -size:, -size:])) < 0.5
    value = 1.0 if dark else 0.0
    return {"kind": "corner", "size": size, "value": value, "corner": "bottom_right"}
