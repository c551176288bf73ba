"""JPEG compression as a defence (Dziugaite et al., arXiv 1608.00853)."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
import torch.nn.functional as F

from securemnist.defences.base import InputDefence, check_whole
from securemnist.types import Images

BLOCK = 8
# Quantisation of luminance and chrominance at quality 50: ITU-T T.81, tables K.1 and K.2.
_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99),
    *([99] * 32),
)
# Y, Cb and Cr of red, green and blue (JFIF).
_FROM_RGB = (
    (0.299, 0.587, 0.114),
    (-0.168736, -0.331264, 0.5),
    (0.5, -0.418688, -0.081312),
)


@final
@dataclass(frozen=True, kw_only=True)
class JPEG(InputDefence):
    """The loss of JPEG compression at `quality` 1 to 100, without chroma subsampling (arXiv 1608.00853).

    Images of three channels are compressed as YCbCr, others channel by channel as luminance.
    """

    use: ClassVar[str] = "jpeg"
    quality: int = 75

    def __post_init__(self) -> None:
        check_whole("quality", self.quality, 1, 100)

    def transform(self, x: Images) -> Images:
        levels = (255 * x).round() - 128
        colour = x.shape[1] == 3
        if colour:
            matrix = torch.tensor(_FROM_RGB, dtype=x.dtype, device=x.device)
            offset = torch.tensor([128, 0, 0], device=x.device).to(x).view(1, 3, 1, 1)
            levels = torch.einsum("dc,nchw->ndhw", matrix, levels + 128)
            levels = levels - offset
        tables = [self._table(colour and channel > 0) for channel in range(x.shape[1])]
        decoded = _compressed(levels, torch.stack(tables).to(x))
        if colour:
            decoded = decoded + offset
            decoded = torch.einsum("dc,nchw->ndhw", torch.linalg.inv(matrix), decoded) - 128
        return (decoded + 128).round().clamp(0, 255) / 255

    def _table(self, chrominance: bool) -> torch.Tensor:
        """The quantisation steps (8, 8) at this quality, as libjpeg scales them."""
        scale = 5000 // self.quality if self.quality < 50 else 200 - 2 * self.quality
        base = torch.tensor(_CHROMINANCE if chrominance else _LUMINANCE)
        return ((base * scale + 50) // 100).clamp(1, 255).view(BLOCK, BLOCK)


def _compressed(levels: torch.Tensor, tables: torch.Tensor) -> torch.Tensor:
    """Channels (n, C, H, W) after quantisation of the cosine transform of blocks by tables (C, 8, 8)."""
    n, channels, height, width = levels.shape
    padded = F.pad(levels, (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate")
    rows, columns = padded.shape[2] // BLOCK, padded.shape[3] // BLOCK
    blocks = padded.reshape(n, channels, rows, BLOCK, columns, BLOCK).transpose(3, 4)
    basis, steps = _cosines().to(levels), tables[:, None, None]
    coefficients = basis @ blocks @ basis.T
    decoded = basis.T @ ((coefficients / steps).round() * steps) @ basis
    return decoded.transpose(3, 4).reshape(padded.shape)[:, :, :height, :width]


@functools.cache
def _cosines() -> torch.Tensor:
    """The orthonormal matrix (8, 8) of the cosine transform (DCT-II)."""
    k = torch.arange(BLOCK, dtype=torch.float64)
    matrix = torch.cos(math.pi / BLOCK * (k[None] + 0.5) * k[:, None]) * math.sqrt(2 / BLOCK)
    matrix[0] /= math.sqrt(2)
    return matrix
