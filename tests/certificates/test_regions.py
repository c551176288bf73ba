"""Proofs of margins by the regions of a ball: splits, turns and memory."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from securemnist.certificates.proofs import proof_run, region_search, regions, search
from securemnist.certificates.proofs.margins import Margins
from securemnist.certificates.proofs.proof import prove
from securemnist.certificates.proofs.region_search import RegionSearch
from securemnist.certificates.relaxations import narrowing
from tests.certificates.balls import EPS, SEEDS, ball_of, first_wrong, ignored, never
from tests.certificates.tiny import sample, smallest_margin, tiny


def wrong_proofs() -> int:
    """Balls that are proved although they hold an adversarial example, by enumeration."""
    wrong = 0
    for seed in (1, 10):
        model = tiny(seed)
        x, y = sample(model, seed)
        assert smallest_margin(model, x, int(y), 0.2) < -0.1
        wrong += int(prove(model, x, y, eps=0.2, seconds=math.inf).proved)
    return wrong


def test_lost_half_of_a_region_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one half of each split is left out, broken balls are proved; otherwise none is."""
    monkeypatch.setattr(RegionSearch, "is_hopeless", True)
    assert wrong_proofs() == 0
    parts = regions.Regions._parts
    monkeypatch.setattr(regions.Regions, "_parts", lambda self, *args: parts(self, *args)[:1])
    assert wrong_proofs() > 0


def test_regions_decide_what_slopes_leave_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample that needs many splits is proved by regions alone, with a margin of at most LEAST."""
    monkeypatch.setattr(RegionSearch, "is_hopeless", True)
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
    monkeypatch.setattr(RegionSearch, "is_hopeless", True)
    relaxed, _, margin = ball_of(1)
    whole = regions.Regions(relaxed.network, relaxed.intervals, margin, never, ignored)
    most = 2 * relaxed.network.activations
    assert not whole.full(most)
    whole.steps(lambda: True, most)
    assert whole.full(most)
    assert len(whole.open) == 2


def test_region_is_not_split_without_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no second region may be kept, the search of the whole ball goes on until the proof."""
    monkeypatch.setattr(RegionSearch, "is_hopeless", True)
    monkeypatch.setattr(proof_run, "ALONE", 0)
    monkeypatch.delattr(regions.Regions, "_parts")
    model = tiny(4, hidden=12)
    x, y = sample(model, 4)
    assert prove(model, x, y, eps=0.3545, seconds=math.inf).proved.all()


def results(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> list[tuple[bool, bool]]:
    """Whether each ball of EPS is proved, and whether a start of the search breaks it."""
    found = prove(model, x, y, eps=EPS, seconds=math.inf, attack=first_wrong(model, y))
    return list(zip(found.proved.tolist(), found.broken.tolist(), strict=True))


def test_samples_that_wait_for_each_other_get_their_own_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Samples searched in turns are proved and broken as alone, also where none may wait."""
    monkeypatch.setattr(RegionSearch, "is_hopeless", True)
    model = tiny(4, hidden=12)
    x = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(4))
    y = model(x).argmax(1)
    alone = [results(model, x[i : i + 1], y[i : i + 1])[0] for i in range(len(x))]
    assert len(set(alone)) > 1
    assert results(model, x, y) == alone
    monkeypatch.setattr(proof_run, "KEPT", 0)
    assert results(model, x, y) == alone


def proof_without_splits() -> tuple[int, float]:
    """The domains of a proof whose ball is not split, one of them split at a time, and its margin."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RegionSearch, "is_hopeless", False)
        patch.setattr(search, "BATCH", 1)
        model = tiny(4, hidden=12)
        x, y = sample(model, 4)
        found = prove(model, x, y, eps=0.3545, seconds=math.inf)
    assert found.proved.all()
    return found.domains, float(found.margins)


def test_pauses_change_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that pauses after every step bounds the same domains as one that never does."""
    paused, pause = list[RegionSearch](), RegionSearch.pause

    def recorded(self: RegionSearch) -> None:
        paused.append(self)
        pause(self)

    monkeypatch.setattr(RegionSearch, "pause", recorded)
    without = proof_without_splits()
    assert not paused
    monkeypatch.setattr(regions, "TURN", 1)
    assert proof_without_splits() == without
    assert len(paused) > 3


def test_paused_domains_stay_within_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that pauses keeps its domains where they fit; elsewhere its ball is split."""
    monkeypatch.setattr(RegionSearch, "is_hopeless", False)
    monkeypatch.setattr(search, "BATCH", 1)
    monkeypatch.setattr(regions, "TURN", 1)
    relaxed, _, margin = ball_of(1)
    whole = regions.Regions(relaxed.network, relaxed.intervals, margin, never, ignored)
    two = 2 * relaxed.network.activations
    whole.steps(lambda: True, two + 1000)
    assert whole.ahead == 0.5  # a pause halves what is expected of the next step
    whole.steps(lambda: True, two + 1000)
    assert whole.ahead == 0.25
    whole.steps(lambda: True, two)
    assert whole.open[-1].splits == 1


@pytest.mark.parametrize(("left", "splits"), [(math.inf, False), (0.0, True)])
def test_searches_that_gain_too_little_are_split(
    left: float, splits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where more is left than is allowed, a search ends and its region is split."""
    monkeypatch.setattr(region_search, "allowed", lambda _domains: left)
    monkeypatch.setattr(search, "BATCH", 1)
    monkeypatch.setattr(regions, "AT_ONCE", 1)
    relaxed, _, margin = ball_of(1)
    whole = regions.Regions(relaxed.network, relaxed.intervals, margin, never, ignored)
    whole.steps(lambda: True, 10**9)
    assert (len(whole.open) > 1) == splits


def test_less_may_be_left_the_longer_a_search_takes() -> None:
    """Nothing is asked of a trial, then 0.45 and 0.25, and half of that after four times the domains."""
    domains = (63, 64, 399, 400, 1600, 6400)
    expected = [math.inf, 0.45, 0.45, 0.25, 0.125, 0.0625]
    assert [region_search.allowed(count) for count in domains] == expected


def test_order_of_turns() -> None:
    """A sample without a turn comes first; seconds so far count more than those to come."""
    relaxed, _, margin = ball_of(1)
    margins = Margins(search.Search(relaxed, margin, never), never, ignored)
    assert margins.order == 0
    orders, estimates = list[float](), list[float]()
    for margins.seconds, pauses in ((1.0, 0), (1.0, 2), (3.0, 0), (3.0, 2000)):
        margins._regions._paused = SimpleNamespace(pauses=pauses)
        orders.append(margins.order)
        estimates.append(margins.remaining)
    assert 0 < orders[0] < orders[1] < orders[2] < orders[3] == math.inf
    assert estimates[1] > estimates[2]
