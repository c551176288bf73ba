"""Products with matrices of few entries are those of dense matrices."""

from __future__ import annotations

import pytest
import torch

from securemnist.certificates.relaxations.sparse import Sparse


def matrix(share: float, seed: int = 0) -> torch.Tensor:
    """Random entries, about this share of all, with empty rows and columns at both ends."""
    rng = torch.Generator().manual_seed(seed)
    numbers = torch.randn(40, 70, generator=rng) * (torch.rand(40, 70, generator=rng) < share)
    for some in (numbers, numbers.T):
        some[:3] = 0
        some[-2:] = 0
    return numbers


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.8, 1.0])
@pytest.mark.parametrize("domains", [1, 5, 64])
def test_products_are_those_of_the_dense_matrix(share: float, domains: int) -> None:
    """Both products are right for any share of entries, also for columns that are not contiguous."""
    dense, rng = matrix(share), torch.Generator().manual_seed(1)
    columns = torch.randn(domains, 70, generator=rng).T
    rows = torch.randn(40, domains, generator=rng)
    found = Sparse(dense)
    assert torch.allclose(found.times(columns), dense @ columns, atol=1e-4)
    assert torch.allclose(found.transposed_times(rows), dense.T @ rows, atol=1e-4)


@pytest.mark.parametrize(("share", "few"), [(0.0, False), (0.1, True), (0.9, False)])
def test_few_entries_are_multiplied_alone(share: float, few: bool) -> None:
    """Only matrices of few entries are kept as entries; those without any are dense."""
    found = Sparse(matrix(share))
    assert (found._rows is not None) == few
    assert (found._columns is not None) == few
