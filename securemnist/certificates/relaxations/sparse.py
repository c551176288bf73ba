"""Products with matrices whose entries are mostly 0, in time that is proportional to the others.

A unit of a convolution reads few pixels: in small networks 2 % to 10 % of the entries are not 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F

# Above this share of entries a dense product is faster.
_DENSE = 0.5


@dataclass(frozen=True)
class Sparse:
    """A matrix (m, n), float32. Products skip entries of 0 where these are half of all or more."""

    matrix: torch.Tensor

    def times(self, columns: torch.Tensor) -> torch.Tensor:
        """The product (m, d) with `columns` (n, d)."""
        return _product(self.matrix, self._rows, columns)

    def transposed_times(self, columns: torch.Tensor) -> torch.Tensor:
        """The product (n, d) of the transposed matrix with `columns` (m, d)."""
        return _product(self.matrix.T, self._columns, columns)

    @cached_property
    def _rows(self) -> _Entries | None:
        return _entries(self.matrix)

    @cached_property
    def _columns(self) -> _Entries | None:
        return _entries(self.matrix.T)


@dataclass(frozen=True)
class _Entries:
    """The entries of a matrix, row by row: `values` in columns `places`; rows begin at `starts`."""

    places: torch.Tensor
    starts: torch.Tensor
    values: torch.Tensor


def _entries(matrix: torch.Tensor) -> _Entries | None:
    """The entries that are not 0. None for many of them, and on a GPU: there products are dense."""
    if matrix.device.type != "cpu":
        return None
    rows, places = matrix.nonzero(as_tuple=True)
    if not 0 < len(rows) <= _DENSE * matrix.numel():
        return None
    counts = rows.bincount(minlength=len(matrix))
    return _Entries(places, counts.cumsum(0) - counts, matrix[rows, places])


def _product(matrix: torch.Tensor, entries: _Entries | None, columns: torch.Tensor) -> torch.Tensor:
    if entries is None:
        return matrix @ columns
    # A weighted sum of rows of `columns` for each row of the matrix.
    return F.embedding_bag(
        entries.places,
        columns.contiguous(),
        entries.starts,
        mode="sum",
        per_sample_weights=entries.values,
    )
