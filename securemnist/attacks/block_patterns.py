"""Random patterns of signs over a whole image, in blocks of a random height and width.

They are large steps for a search whose answers say nothing yet: from single pixels over stripes, which
Square Attack starts from (arXiv 1912.00049, section 3.2), to the whole image.
"""

from __future__ import annotations

import torch

from securemnist.types import Images


def pattern_draws(channels: int, height: int, width: int) -> int:
    """Random numbers that one pattern takes: sizes and shifts, and a sign for each row and column."""
    return 4 + channels * (height + width)


def block_signs(shape: tuple[int, int, int], draws: torch.Tensor) -> Images:
    """Signs -1.0 or 1.0 of shape (n, C, H, W), for `shape` (C, H, W), from `draws` (n, pattern_draws).

    `draws` are uniform in [0, 1). The sign of a block is that of its row of blocks times that of its
    column. Heights and widths are uniform on a logarithmic scale, from one pixel to the image.
    """
    channels, height, width = shape
    sizes, signs = draws[:, :4], torch.where(draws[:, 4:] < 0.5, -1.0, 1.0)
    rows, columns = signs.split([channels * height, channels * width], dim=1)
    vertical = _repeated(rows.view(-1, channels, height), sizes[:, 0], sizes[:, 1])
    horizontal = _repeated(columns.view(-1, channels, width), sizes[:, 2], sizes[:, 3])
    return vertical[:, :, :, None] * horizontal[:, :, None, :]


def _repeated(signs: torch.Tensor, size: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Signs (n, C, side) of which each is repeated over a block, the first one cut by the shift."""
    side = signs.shape[2]
    edge = (side**size).round()
    places = torch.arange(side, device=signs.device) + (shift * edge).floor()[:, None]
    blocks = (places / edge[:, None]).floor().long().clamp(max=side - 1)
    return signs.gather(2, blocks[:, None, :].expand_as(signs))
