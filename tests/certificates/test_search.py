"""Branch and bound on tiny networks, whose smallest margins are known."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from securemnist.certificates.certificate import network_of
from securemnist.certificates.operations.intervals import ball
from securemnist.certificates.proofs import frontier, proof_run, search
from securemnist.certificates.proofs.proof import Proofs, prove
from securemnist.certificates.proofs.search import Search
from securemnist.certificates.relaxations.relaxation import Domains, Relaxation
from securemnist.certificates.relaxations.tightening import tightened
from securemnist.errors import MeasureError
from tests.certificates.balls import ball_of, first_wrong
from tests.certificates.tiny import sample, smallest_margin, tiny

# A sample that needs many splits, close to the largest eps that can be proved.
HARD_EPS = 0.3545


def hard() -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    """The network, the image and the label of this sample."""
    model = tiny(4, hidden=12)
    return model, *sample(model, 4)


def proofs(model: nn.Module, x: torch.Tensor, y: torch.Tensor, eps: float) -> Proofs:
    """Proofs without a time limit; a start that is misclassified is a counterexample."""
    return prove(model, x, y, eps=eps, seconds=math.inf, attack=first_wrong(model, y))


@pytest.mark.parametrize("seed", [1, 4])
def test_search_decides_as_enumeration(seed: int) -> None:
    """Every eps is decided, and the largest one with a proof is the largest with a positive margin."""
    model = tiny(seed)
    x, y = sample(model, seed)
    low, high = 0.0, 0.8
    for _ in range(8):
        eps = (low + high) / 2
        found = proofs(model, x, y, eps)
        assert bool(found.proved) != bool(found.broken)
        low, high = (eps, high) if found.proved else (low, eps)
    assert smallest_margin(model, x, int(y), low) > 0
    assert smallest_margin(model, x, int(y), high) < 0
    proved = proofs(model, x, y, low)
    assert 0 < float(proved.margins) <= smallest_margin(model, x, int(y), low) + 1e-9


def test_search_splits() -> None:
    """A sample that slopes alone do not prove is proved by splits; no corner is misclassified."""
    model, x, y = hard()
    network = network_of(model, x)
    eye = torch.eye(3, dtype=torch.float64)
    relaxed = Relaxation(network, tightened(network, ball(x, HARD_EPS)))
    whole = Search(relaxed, eye[y] - eye[eye.argmax(1) != y], lambda _: False)
    assert whole.bound < 0
    found = proofs(model, x, y, HARD_EPS)
    assert found.proved
    assert found.domains > 50
    assert float(found.margins) > 0
    corners = torch.tensor(list(itertools.product((-HARD_EPS, HARD_EPS), repeat=4)))
    images = (x + corners.view(-1, *x.shape[1:])).clamp(0, 1)
    assert (model(images).argmax(1) == y).all()


def test_rounding_errors_cost_steps_not_proofs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates far below their estimates are no dead end: ascent goes on until they prove.

    All signs are those of one image, so no split can help. Ascent reaches bounds above 2.6.
    """
    model, x, y = hard()
    network = network_of(model, x)
    eye = torch.eye(3, dtype=torch.float64)
    relaxed = Relaxation(network, tightened(network, ball(x, HARD_EPS)))
    certified = Domains.lower_bounds
    monkeypatch.setattr(Domains, "lower_bounds", lambda *given: certified(*given) - 1)
    weights = eye[y] - eye[eye.argmax(1) != y]
    domain = signs_at(relaxed, model, x), relaxed.first_duals()
    found = Search(relaxed, weights, lambda _: False, domain=domain)
    while not found.ended:
        found.step()
    assert found.proved


def signs_at(relaxed: Relaxation, model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The signs (1, units) of the undecided units at an image (1, ...)."""
    values = []
    for layer in model.children():
        before, x = x, layer(x)
        values += [before] if isinstance(layer, nn.ReLU) else []
    pairs = zip(values, relaxed.layers, strict=True)
    units = torch.cat([value[:, each.units] for value, each in pairs], 1)
    return torch.where(units >= 0, 1, -1).to(torch.int8)


def test_equal_runs_have_equal_proofs() -> None:
    """Two runs without a time limit bound the same domains and have the same margins."""
    model, x, y = hard()
    one, other = (proofs(model, x, y, HARD_EPS) for _ in range(2))
    assert one.domains == other.domains
    assert torch.equal(one.margins, other.margins)


def test_time_budget_ends_search() -> None:
    """Without time every sample stays open, without a bound and without an attack."""
    model, x, y = hard()
    asked: list[int] = []
    found = prove(model, x, y, eps=HARD_EPS, seconds=0, attack=lambda place, _: asked.append(place))
    assert not (found.proved | found.broken).any()
    assert found.domains == len(asked) == 0
    assert float(found.margins) == -math.inf
    with pytest.raises(MeasureError, match="seconds of 0 or more, got nan"):
        prove(model, x, y, eps=HARD_EPS, seconds=math.nan)


@pytest.mark.parametrize("seconds", [4, 12])
def test_time_ends_search_in_between(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the time ends during a search, the clock is read no more, and the first bound stays."""
    model, x, y = hard()
    clock = itertools.count()
    monkeypatch.setattr(proof_run.time, "perf_counter", lambda: float(next(clock)))
    found = prove(model, x, y, eps=HARD_EPS, seconds=seconds)
    assert next(clock) <= seconds + 10
    assert not (found.proved | found.broken).any()
    assert -math.inf < float(found.margins) < 0
    assert 0 < found.domains < proofs(model, x, y, HARD_EPS).domains


def test_small_batches_find_equal_proofs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds in batches of three decide the sample, too, within the bound of larger batches."""
    monkeypatch.setattr(search, "AT_ONCE", 3)
    model, x, y = hard()
    assert proofs(model, x, y, HARD_EPS).proved


def test_no_samples_have_no_proofs() -> None:
    """Without samples there is nothing to prove."""
    model, x, y = hard()
    found = prove(model, x[:0], y[:0], eps=HARD_EPS, seconds=1)
    assert found.domains == len(found.proved) == 0


def test_search_ends_where_memory_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample whose open domains would take too much memory stays open."""
    monkeypatch.setattr(frontier, "MOST", 0)
    model, x, y = hard()
    found = proofs(model, x, y, HARD_EPS)
    assert not (found.proved | found.broken).any()
    assert math.isfinite(float(found.margins))


def test_lowest_domains_come_first() -> None:
    """A frontier gives the domains of the lowest bounds, equal ones in their order."""
    bounds = torch.tensor([0.5, -1.0, 0.0, -1.0, -3.0])
    numbers = torch.arange(5)
    signs = torch.zeros(5, 2, dtype=torch.int8)
    queue = frontier.Frontier(frontier.Parts(signs, signs.half(), numbers, bounds, bounds))
    assert queue.lowest(3).margin.tolist() == [4, 1, 3]
    queue.add(frontier.Parts(signs[:1], signs[:1].half(), numbers[4:], bounds[4:], bounds[4:]))
    assert queue.lowest(5).margin.tolist() == [4, 2, 0]
    assert not len(queue)


def test_rows_of_a_frontier_are_used_again() -> None:
    """Whatever is added and taken, the lowest domains come with their own values, in few rows."""
    rng = torch.Generator().manual_seed(0)
    queue = frontier.Frontier(_domains(rng, 3, first=0))
    left = dict(zip(queue.all.margin.tolist(), queue.all.bound.tolist(), strict=True))
    for step in range(1, 60):
        more = _domains(rng, int(torch.randint(9, (1,), generator=rng)), first=100 * step)
        queue.add(more)
        left |= dict(zip(more.margin.tolist(), more.bound.tolist(), strict=True))
        taken = queue.lowest(4)
        assert taken.margin.tolist() == sorted(left, key=lambda name: left[name])[:4]
        assert torch.equal(taken.signs[:, 0].long(), taken.margin % 3 - 1)
        assert taken.bound.tolist() == [left.pop(name) for name in taken.margin.tolist()]
        assert len(queue) == len(left)
    assert len(queue._rows) < 2 * (len(left) + 10)


def _domains(rng: torch.Generator, count: int, first: int) -> frontier.Parts:
    """Domains of random bounds; their signs follow from their numbers, from `first` on."""
    numbers = torch.arange(first, first + count)
    signs = (numbers % 3 - 1).to(torch.int8)[:, None].repeat(1, 5)
    bounds = torch.rand(count, generator=rng)
    return frontier.Parts(signs, signs.half(), numbers, bounds, bounds)


def test_attacks_start_from_every_fourth_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first batch has an attack, the next three have none, and one that is linear always has one."""
    monkeypatch.setattr(search, "BATCH", 1)
    relaxed, _, margin = ball_of(1)
    attacks = list[int]()
    found = search.Search(relaxed, margin, lambda starts: bool(attacks.append(len(starts))))
    counts = []
    for _ in range(6):
        found.step()
        counts.append(len(attacks))
    assert counts == [1, 1, 1, 1, 2, 2]
    monkeypatch.setattr(search.Search, "_open", lambda _self, parts, _bounds: parts)
    found._leaves(found.frontier.lowest(1))
    assert len(attacks) == 3


def test_attack_gets_images_of_the_ball() -> None:
    """Every start of an attack is a float32 image of the sample's ball."""
    model, x, y = hard()
    starts: list[torch.Tensor] = []
    prove(model, x, y, eps=HARD_EPS, seconds=math.inf, attack=lambda _, s: starts.append(s))
    images = torch.cat(starts)
    assert images.dtype == torch.float32
    assert ((images - x).abs() <= HARD_EPS + 1e-6).all()
    assert ((images >= 0) & (images <= 1)).all()
