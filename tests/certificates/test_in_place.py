"""Bounds of networks with in-place writes, hooks and unusual calls."""

from __future__ import annotations

import pytest
import torch

from tests.certificates.in_place import BOUNDED
from tests.certificates.violations import violations


@pytest.mark.parametrize("case", BOUNDED)
def test_bounds_with_in_place_writes(case: str) -> None:
    """No point of the ball violates a bound of networks with in-place writes or unusual calls."""
    torch.manual_seed(0)
    model = BOUNDED[case]().eval()
    if case == "by keyword":
        model(torch.rand(2, 1, 28, 28))
    model.requires_grad_(False)
    for eps in (0.005, 0.2):
        assert violations(model, eps) == 0
