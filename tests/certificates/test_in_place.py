"""Work in place, hooks and other ways to call are part of what is bounded."""

from __future__ import annotations

import pytest
import torch

from tests.certificates.overwriting import BOUNDED
from tests.certificates.points import violations


@pytest.mark.parametrize("case", BOUNDED)
def test_bounds_hold_behind_writes_in_place(case: str) -> None:
    """No point of the ball breaks a bound where values are written over, or calls are unusual."""
    torch.manual_seed(0)
    model = BOUNDED[case]().eval()
    if case == "by keyword":
        model(torch.rand(2, 1, 28, 28))
    model.requires_grad_(False)
    for eps in (0.005, 0.2):
        assert violations(model, eps) == 0
