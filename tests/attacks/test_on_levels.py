"""Proposals on the levels of 8 bits: on the grid, inside the threat, and near what was proposed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from securemnist.attacks.on_levels import snapped
from securemnist.referee import inside_budget
from securemnist.threats import THREATS, Linf, make_threat
from tests.threats.norms import share_of


@pytest.mark.parametrize("norm", THREATS)
@settings(max_examples=40)
@given(share=st.floats(0.01, 1), seed=st.integers(0, 2**32), push=st.floats(0, 3))
def test_snapped_proposals_stay_inside(norm: str, share: float, seed: int, push: float) -> None:
    """Whatever is proposed, what is sent is on the levels and in the threat."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.randint(256, (4, 1, 8, 8), generator=rng) / 255
    threat = share_of(norm, share, 64)
    noise = torch.randn(x.shape, generator=rng)
    proposals = threat.project(x, x + push * threat.eps * noise)
    moved = snapped(x, proposals, threat, 255)
    assert inside_budget(x, moved, norm, threat.eps).all()
    assert (moved * 255 - (moved * 255).round()).abs().max() < 1e-4
    assert (moved - proposals).abs().max() <= 1.01 / 255


@pytest.mark.parametrize("eps", ["8/255", 0.3, 1.0, 1 / 255])
def test_proposals_at_the_limit_keep_their_levels(eps: float | str) -> None:
    """Images plus and minus the whole levels within eps are already on the levels, and stay there."""
    threat = make_threat("linf", eps)
    x = torch.arange(256).view(1, 1, 16, 16) / 255
    whole = threat.before_rounding(x, 1 / 255)
    assert whole.eps * 255 == pytest.approx(int(threat.eps * 255 + 1e-4))
    for sign in (1, -1):
        proposals = (x + sign * whole.eps).clamp(0, 1)
        assert torch.allclose(snapped(x, proposals, threat, 255), proposals, atol=1e-6)


def test_images_between_levels_stay_inside() -> None:
    """Images that are between levels themselves get the levels that the threat allows."""
    x = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    threat = Linf(0.05)
    moved = snapped(x, threat.project(x, x + 0.05), threat, 255)
    assert inside_budget(x, moved, "linf", 0.05).all()


def test_proposals_that_are_not_finite_stay_so() -> None:
    """NaN is left for the referee, which refuses it."""
    x = torch.zeros(2, 1, 8, 8)
    proposals = x.clone()
    proposals[0, 0, 0, 0] = torch.nan
    moved = snapped(x, proposals, Linf(0.3), 255)
    assert inside_budget(x, moved, "linf", 0.3).tolist() == [False, True]
