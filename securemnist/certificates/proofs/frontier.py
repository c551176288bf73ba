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
    """Domains that are neither proved nor split yet.

    They lie in rows that are used again: there may be thousands, and each step changes few. Where all
    rows are in use, their number grows by a quarter.
    """

    def __init__(self, parts: Parts) -> None:
        self._is_open = torch.ones_like(parts.bound, dtype=torch.bool)
        self._rows = parts[self._is_open]  # a copy, which is written to

    def __len__(self) -> int:
        return int(self._is_open.sum())

    @property
    def full(self) -> bool:
        """Whether the domains take all the memory that one sample may have."""
        return self.numbers > MOST

    @property
    def numbers(self) -> int:
        """The number of signs in memory; each has a dual, too."""
        return self._rows.signs.numel()

    @property
    def all(self) -> Parts:
        """Every open domain."""
        return self._rows[self._is_open]

    @property
    def bounds(self) -> torch.Tensor:
        """The bounds (d,) of all open domains."""
        return self._rows.bound[self._is_open]

    def lowest(self, count: int) -> Parts:
        """Take out the domains of the lowest bounds, at most `count`; equal ones in their order."""
        rows = self._is_open.nonzero()[:, 0]
        rows = rows[self.bounds.argsort(stable=True)[:count]]
        self._is_open[rows] = False
        return self._rows[rows]

    def add(self, parts: Parts) -> None:
        """Put domains into rows without an open one."""
        missing = len(parts) - int((~self._is_open).sum())
        if missing > 0:
            self._grow(max(missing, len(self._rows) // 4))
        rows = (~self._is_open).nonzero()[: len(parts), 0]
        for f in fields(parts):
            getattr(self._rows, f.name)[rows] = getattr(parts, f.name)
        self._is_open[rows] = True

    def _grow(self, more: int) -> None:
        values = (getattr(self._rows, f.name) for f in fields(Parts))
        self._rows = Parts(*(torch.cat([v, v.new_zeros(more, *v.shape[1:])]) for v in values))
        self._is_open = torch.cat([self._is_open, self._is_open.new_zeros(more)])
