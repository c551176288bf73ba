"""A rectangle of pixels, or of activations."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F


class Rectangle(NamedTuple):
    """Rows from `top` to `bottom` and columns from `left` to `right`, the last ones excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def empty(self) -> bool:
        return self.bottom <= self.top or self.right <= self.left

    def part(self, values: torch.Tensor) -> torch.Tensor:
        """A view of this rectangle in `values` (n, C, H, W)."""
        return values[:, :, self.top : self.bottom, self.left : self.right]

    def joined(self, other: Rectangle) -> Rectangle:
        """The smallest rectangle that contains both."""
        return Rectangle(
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
        )

    def common(self, other: Rectangle) -> Rectangle:
        """The part that both contain; it may be empty."""
        return Rectangle(
            max(self.top, other.top),
            min(self.bottom, other.bottom),
            max(self.left, other.left),
            min(self.right, other.right),
        )

    def seen_from(self, other: Rectangle) -> Rectangle:
        """The same pixels, counted from the upper left pixel of `other`."""
        return Rectangle(
            self.top - other.top,
            self.bottom - other.top,
            self.left - other.left,
            self.right - other.left,
        )

    def padded(self, values: torch.Tensor, inner: Rectangle, fill: float) -> torch.Tensor:
        """`values` of the rectangle `inner`, with `fill` in the rest of this one."""
        edges = (
            inner.left - self.left,
            self.right - inner.right,
            inner.top - self.top,
            self.bottom - inner.bottom,
        )
        return F.pad(values, edges, value=fill) if any(edges) else values
