"""Layers of attention over the pixels of an image, as (samples, CHANNELS, rows, columns)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.certificates.functional import CHANNELS

HEADS, VALUES = 2, 3


class Attention(nn.Module):
    """Attention of two heads, with a first token of its own that no pixel has."""

    def __init__(self) -> None:
        super().__init__()
        width = HEADS * VALUES
        self.all, self.out = nn.Linear(CHANNELS, 3 * width), nn.Linear(width, CHANNELS)
        self.token = nn.Parameter(torch.linspace(-0.3, 0.4, CHANNELS).view(1, 1, -1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pixels = x.flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(x.shape[0], -1, -1), pixels], 1)
        tokens = tokens - self.token.expand(x.shape[0], -1, -1)
        n, count, _ = tokens.shape
        heads = self.all(tokens).reshape(n, count, 3, HEADS, VALUES).permute(2, 0, 3, 1, 4)
        values = self.attend(heads).transpose(1, 2).reshape(n, count, HEADS * VALUES)
        return self.out(values)[:, 1:].transpose(1, 2).reshape(x.shape)

    def attend(self, heads: torch.Tensor) -> torch.Tensor:
        """Values (samples, HEADS, tokens, VALUES) from (3, samples, HEADS, tokens, VALUES)."""
        query, key, value = heads.unbind(0)
        return ((query * 1.5) @ key.transpose(-2, -1)).softmax(-1) @ value


class Fused(Attention):
    """The same attention by the function of torch, of parts that are selected and moved again."""

    def attend(self, heads: torch.Tensor) -> torch.Tensor:
        turned = heads.transpose(0, 1).transpose(0, 1)
        return F.scaled_dot_product_attention(heads[0], turned[1], turned.clone()[-1], scale=1.5)


class Plain(Attention):
    """Attention with the usual scale."""

    def attend(self, heads: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(*heads.unbind(0))


class Gated(nn.Module):
    """Each pixel times its channel's share, and the mean of a product of matrices."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shares = (2 * x).softmax(1)
        columns = x.mean(2)
        product = torch.bmm(columns.softmax(1), columns.transpose(1, 2) - 0.2)
        return x * shares + product.mean((1, 2), keepdim=True)[..., None]
