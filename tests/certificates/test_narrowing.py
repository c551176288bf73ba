"""Soundness of bounds that hold where a margin is small, and of the regions that use them."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from securemnist.certificates import narrowing, proof, regions, search
from securemnist.certificates.certificate import network_of
from securemnist.certificates.intervals import ball
from securemnist.certificates.proof import prove
from securemnist.certificates.reduced import ReducedNetwork
from securemnist.certificates.relaxation import Relaxation
from tests.certificates.tiny import sample, smallest_margin, tiny

EPS, POINTS, SEEDS = 0.3, 4000, range(6)


def margin_of(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The weights (1, 3) of the margin of an image's class over the next one."""
    label = int(model(x).argmax(1))
    eye = torch.eye(3, dtype=torch.float64)
    return (eye[label] - eye[(label + 1) % 3])[None]


def never(_starts: torch.Tensor) -> bool:
    """An attack that finds nothing."""
    return False


def ignored(_domains: int) -> None:
    """A counter that counts nothing."""


def ball_of(seed: int) -> tuple[Relaxation, ReducedNetwork, torch.Tensor]:
    """The relaxation of a ball, its reduced network and the weights of a margin."""
    model = tiny(seed, hidden=12)
    x, _ = sample(model, seed)
    net = network_of(model, x)
    relaxed = Relaxation(net, net.intervals(ball(x, EPS)))
    assert relaxed.reduced is not None
    return relaxed, relaxed.reduced, margin_of(model, x)


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


def wrong_proofs() -> int:
    """Balls that are proved although they hold an adversarial example, by enumeration."""
    wrong = 0
    for seed in (1, 10):
        model = tiny(seed)
        x, y = sample(model, seed)
        assert smallest_margin(model, x, int(y), 0.2) < -0.1
        wrong += int(prove(model, x, y, eps=0.2, seconds=math.inf).proved)
    return wrong


def split_at_once(monkeypatch: pytest.MonkeyPatch, left: float = 0.0) -> None:
    """Each region is split after the first step of its search, unless that leaves less than `left`."""
    for name, value in (("TRIAL", 1), ("LIMIT", 1), ("FAR", left)):
        monkeypatch.setattr(regions, name, value)


def test_lost_half_of_a_region_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one half of each split is left out, broken balls are proved; otherwise none is."""
    split_at_once(monkeypatch)
    assert wrong_proofs() == 0
    parts = regions.Regions._parts
    monkeypatch.setattr(regions.Regions, "_parts", lambda self, *args: parts(self, *args)[:1])
    assert wrong_proofs() > 0


def test_regions_decide_what_slopes_leave_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample that needs many splits is proved by regions alone, with a margin of at most LEAST."""
    split_at_once(monkeypatch)
    model = tiny(4, hidden=12)
    x, y = sample(model, 4)
    found = prove(model, x, y, eps=0.3545, seconds=math.inf)
    assert found.proved.all()
    assert 0 < float(found.margins) <= narrowing.LEAST


def test_halves_keep_the_duals_of_their_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first bound of a half is no lower than that of the region; with CROWN's slopes some is."""
    kept, first = list[float](), list[float]()
    for seed in SEEDS:
        relaxed, _, margin = ball_of(seed)
        whole = search.Search(relaxed, margin, never)
        if not len(root := whole.frontier.all):
            continue
        region = regions.Regions(relaxed.network, relaxed.intervals, margin, never, ignored)
        with monkeypatch.context() as without_ascent:
            without_ascent.setattr(search, "ROOT_STEPS", 0)
            for half in region._parts(relaxed, root.signs, root.duals):
                assert half.domain is not None
                signs, _ = half.domain
                of_crown = signs, relaxed.first_duals().masked_fill(signs != 0, 0)
                for lost, domain in ((kept, half.domain), (first, of_crown)):
                    lost.append(
                        whole.bound - search.Search(relaxed, margin, never, domain=domain).bound
                    )
    assert max(kept) < 1e-3
    assert max(first) > 1e-2


def test_turn_ends_where_memory_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A margin that has split its region ends its turn when no further region may be kept."""
    split_at_once(monkeypatch)
    relaxed, _, margin = ball_of(4)
    whole = regions.Regions(relaxed.network, relaxed.intervals, margin, never, ignored)
    most = 2 * relaxed.network.activations
    assert not whole.full(most)
    assert whole.steps(lambda: True, most) == 1
    assert whole.full(most)


def test_region_is_not_split_while_its_search_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that leaves little enough goes on until the proof, whatever the number of domains."""
    split_at_once(monkeypatch, left=math.inf)
    monkeypatch.delattr(regions.Regions, "_parts")
    model = tiny(4, hidden=12)
    x, y = sample(model, 4)
    assert prove(model, x, y, eps=0.3545, seconds=math.inf).proved.all()


def test_region_is_not_split_without_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no second region may be kept, the search of the whole ball goes on until the proof."""
    split_at_once(monkeypatch)
    monkeypatch.setattr(proof, "ALONE", 0)
    monkeypatch.delattr(regions.Regions, "_parts")
    model = tiny(4, hidden=12)
    x, y = sample(model, 4)
    assert prove(model, x, y, eps=0.3545, seconds=math.inf).proved.all()


def results(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> list[tuple[bool, bool]]:
    """Whether each ball of EPS is proved, and whether a start of the search breaks it."""

    def attack(place: int, starts: torch.Tensor) -> bool:
        return bool((model(starts).argmax(1) != y[place]).any())

    found = prove(model, x, y, eps=EPS, seconds=math.inf, attack=attack)
    return list(zip(found.proved.tolist(), found.broken.tolist(), strict=True))


def test_samples_that_wait_for_each_other_get_their_own_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Samples searched in turns are proved and broken as alone, also where none may wait."""
    split_at_once(monkeypatch)
    model = tiny(4, hidden=12)
    x = torch.rand(5, 1, 2, 2, generator=torch.Generator().manual_seed(4))
    y = model(x).argmax(1)
    alone = [results(model, x[i : i + 1], y[i : i + 1])[0] for i in range(len(x))]
    assert len(set(alone)) > 1
    assert results(model, x, y) == alone
    monkeypatch.setattr(proof, "KEPT", 0)
    assert results(model, x, y) == alone


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
