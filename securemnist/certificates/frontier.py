"""The open domains of one sample, lowest bound first."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch

# Signs and duals of one sample, 3 bytes each: 120 MB.
MOST = 40_000_000


@dataclass(frozen=True)
class Parts:
    """Domains: `signs` int8 (d, units), `duals` float16 (d, units), `margin` int64 (d,), `bound` (d,).

    `margin` is the number of the margin that is bounded. `bound` is for the order alone: a float32
    lower bound, or an estimate. `pace` (d,): the length of steps of multipliers, from 0 to 1.
    """

    signs: torch.Tensor
    duals: torch.Tensor
    margin: torch.Tensor
    bound: torch.Tensor
    pace: torch.Tensor

    def __len__(self) -> int:
        return len(self.bound)

    def __getitem__(self, which: torch.Tensor) -> Parts:
        return Parts(*(getattr(self, f.name)[which] for f in fields(self)))

    def joined(self, other: Parts) -> Parts:
        """These domains and others."""
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return Parts(*(torch.cat(pair) for pair in pairs))


class Frontier:
    """Domains that are neither proved nor split yet."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return len(self._parts)

    @property
    def full(self) -> bool:
        """Whether the domains take all the memory that one sample may have."""
        return self._parts.signs.numel() > MOST

    @property
    def all(self) -> Parts:
        """Every open domain."""
        return self._parts

    def lowest(self, count: int) -> Parts:
        """Take out the domains of the lowest bounds, at most `count`; equal ones in their order."""
        order = self._parts.bound.argsort(stable=True)
        taken = self._parts[order[:count]]
        self._parts = self._parts[order[count:].sort().values]
        return taken

    def add(self, parts: Parts) -> None:
        """Put domains at the end."""
        self._parts = self._parts.joined(parts)
