"""Soundness of bounds that hold where a margin is small."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from securemnist.certificates.relaxations import narrowing
from tests.certificates.balls import EPS, SEEDS, ball_of
from tests.certificates.tiny import sample, tiny

POINTS = 4000


def escaped(seed: int, *, signed: bool) -> tuple[int, int, float]:
    """Points of a domain whose margin is small: how many, how many outside of the narrowed boxes.

    The last number is the share of the bounds' widths that is left.
    """
    model = tiny(seed, hidden=12)
    x, _ = sample(model, seed)
    relaxed, small, margin = ball_of(seed)
    rng = torch.Generator().manual_seed(seed)
    points = (x + EPS * (2 * torch.rand(POINTS, *x.shape[1:], generator=rng) - 1)).clamp(0, 1)
    values, hidden = [], points
    for layer in model.children():
        values += [hidden] if isinstance(layer, nn.ReLU) else []
        hidden = layer(hidden)
    units = torch.cat([v[:, each.units] for v, each in zip(values, relaxed.layers, strict=True)], 1)
    signs = torch.zeros(1, relaxed.units, dtype=torch.int8)
    if signed:  # those of a point, for a tenth of the units
        signs[0, ::10] = units[hidden.double().mv(margin[0]).argmin(), ::10].sign().to(torch.int8)
    intervals = narrowing.narrowed(relaxed, small, signs, relaxed.first_duals(), margin)
    inside = (hidden.double().mv(margin[0]) <= narrowing.LEAST) & (signs * units >= 0).all(1)
    if intervals is None:
        return int(inside.sum()), int(inside.sum()), 0.0
    outside, before, after = torch.zeros(POINTS, dtype=torch.bool), 0.0, 0.0
    for value, each in zip(values, relaxed.layers, strict=True):
        box, old = intervals.boxes[each.source], relaxed.intervals.boxes[each.source]
        outside |= ((value < box.lower) | (value > box.upper)).any(1)
        before, after = before + float(old.radius.sum()), after + float(box.radius.sum())
    return int(inside.sum()), int((inside & outside).sum()), after / before


@pytest.mark.parametrize("signed", [False, True])
def test_narrowed_boxes_hold_every_image_of_a_small_margin(signed: bool) -> None:
    """No unit of such an image is outside of its bounds, and many bounds are tighter."""
    found = [escaped(seed, signed=signed) for seed in SEEDS]
    assert sum(inside for inside, _, _ in found) > 100
    assert sum(outside for _, outside, _ in found) == 0
    assert min(share for _, _, share in found) < 0.8


def test_multiplier_of_the_margin_stays_at_0_or_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A margin above the limit is no constraint: its multiplier ends at 0, not below."""
    seen = []
    minimum = narrowing._Constrained.minimum

    def recorded(self: Any, duals: torch.Tensor, weights: torch.Tensor) -> Any:
        seen.append(duals[:, -1])
        return minimum(self, duals, weights)

    monkeypatch.setattr(narrowing._Constrained, "minimum", recorded)
    relaxed, small, margin = ball_of(0)
    signs = torch.zeros(1, relaxed.units, dtype=torch.int8)
    narrowing.narrowed(relaxed, small, signs, relaxed.first_duals(), -margin)  # at most 0 anyway
    multipliers = torch.cat(seen)
    assert float(multipliers.min()) == 0 < float(multipliers.max())


def test_bounds_of_another_margin_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds where the margin is large exclude images of a small one."""
    bounded = narrowing._bounded
    monkeypatch.setattr(
        narrowing, "_bounded", lambda r, s, signs, duals, m, n: bounded(r, s, signs, duals, -m, n)
    )
    assert sum(escaped(seed, signed=False)[1] for seed in SEEDS) > 0


def test_limit_below_the_margin_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds where the margin is far below 0 exclude images whose margin is just below it."""
    bounded = narrowing._bounded

    def of_less(*args: torch.Tensor) -> torch.Tensor:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(narrowing, "LEAST", -5.0)
            return bounded(*args)

    monkeypatch.setattr(narrowing, "_bounded", of_less)
    assert sum(escaped(seed, signed=False)[1] for seed in SEEDS) > 0


def test_time_ends_narrowing() -> None:
    """Without time the bounds stay as they are."""
    relaxed, small, margin = ball_of(1)
    signs = torch.zeros(1, relaxed.units, dtype=torch.int8)
    rest = relaxed.first_duals(), margin, lambda: False
    assert narrowing.narrowed(relaxed, small, signs, *rest) is relaxed.intervals


def test_signs_of_all_units_leave_nothing_to_narrow() -> None:
    """A domain without undecided units keeps the bounds of its units."""
    relaxed, small, margin = ball_of(1)
    signs = torch.ones(1, relaxed.units, dtype=torch.int8)
    found = narrowing.narrowed(relaxed, small, signs, relaxed.first_duals(), margin)
    assert found is not None
    for box, old in zip(found.boxes, relaxed.intervals.boxes, strict=True):
        assert torch.equal(box.lower, old.lower)
