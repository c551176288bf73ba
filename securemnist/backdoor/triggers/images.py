"""A given image that is blended into all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch.nn import functional

from securemnist.backdoor.triggers.base import Trigger, check, check_share, is_number
from securemnist.types import Images

MOST_SIDE = 64
_RING = ((0.0, 1.0, 1.0, 0.0), (1.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 1.0), (0.0, 1.0, 1.0, 0.0))


@final
@dataclass(frozen=True, kw_only=True)
class BlendedImage(Trigger):
    """An image, blended into others with weight `alpha` in (0, 1] (Chen et al. 2017, arXiv 1712.05526).

    `rows` are its brightnesses in [0, 1], at most 64 rows of 64, scaled to the size of the images.
    All channels have the same.
    """

    rows: tuple[tuple[float, ...], ...] = _RING
    alpha: float = 0.2
    kind: ClassVar[str] = "image"

    def __post_init__(self) -> None:
        check_share("alpha", self.alpha)
        rows = self.rows if isinstance(self.rows, list | tuple) else ()
        lines = [row if isinstance(row, list | tuple) else () for row in rows]
        valid = 1 <= len(lines) <= MOST_SIDE and 1 <= len(lines[0]) <= MOST_SIDE
        valid = valid and {len(row) for row in lines} == {len(lines[0])}
        valid = valid and all(is_number(one) and 0 <= one <= 1 for row in lines for one in row)
        expected = f"as up to {MOST_SIDE} lists of as many numbers from 0 to 1"
        check(valid, "rows", expected, str(self.rows)[:40])
        object.__setattr__(self, "rows", tuple(map(tuple, lines)))

    def check_fits(self, channels: int, height: int, width: int) -> None:
        """The image is scaled: it fits all others."""

    def _apply(self, x: Images) -> Images:
        rows = torch.tensor(self.rows, dtype=x.dtype, device=x.device)[None, None]
        image = functional.interpolate(rows, x.shape[2:], mode="bilinear", align_corners=False)
        return torch.lerp(x, image.expand_as(x), self.alpha).clamp_(0, 1)
