"""Early end of searches: images out of reach leave, all others stay."""

import pytest
import torch

from securemnist import data
from securemnist.attacks import make_attack, reach
from securemnist.attacks.reach import Reach, ReachState
from securemnist.attacks.square import Square
from securemnist.errors import PolicyError
from securemnist.evaluation.doubts import other_attacks
from securemnist.evaluation.ladders import BUDGETS
from securemnist.models import loading
from securemnist.threats import Linf

STEPS = 80
# Some of these images break, and some do not.
EPS, IMAGES, QUERIES = 0.18, 48, 200


def steps_taken(margin_of: list[float]) -> int:
    """Number of steps until the rule ends a search whose margins are these."""
    rule, index = Reach(len(margin_of)), torch.zeros(1, dtype=torch.long)
    image = torch.zeros(1, 1, 8, 8)
    state = ReachState(index, index.clone(), image, index, **rule.begun(index))
    for number, margin in enumerate(margin_of):
        if not bool(rule.follow(state, torch.tensor([margin]))):
            return number + 1
        state.age = state.age + 1
    return len(margin_of)


@pytest.mark.parametrize(
    ("margins", "taken"),
    [
        ([-10 + 0.001 * step for step in range(STEPS)], STEPS // 4),  # four times the gain: -9.7
        (
            [-10 + 0.05 * step for step in range(STEPS)],
            STEPS // 2,
        ),  # -6 at the end, 2 at four times
        ([-10 + 0.13 * step for step in range(STEPS)], STEPS),  # reaches 0
        ([-10.0] * STEPS, STEPS),  # flat
        ([float("-inf")] * STEPS, STEPS),  # no margin known
        ([float("nan")] * STEPS, STEPS),
        ([-10.0] * (STEPS // 2) + [-9.0] * (STEPS // 2), STEPS),  # flat at both looks
        ([-1 + 0.001 * step for step in range(30)], 30),  # a short search
    ],
)
def test_only_images_out_of_reach_leave(margins: list[float], taken: int) -> None:
    """A search ends at the first look that finds the margin out of reach, and never for a flat one."""
    assert steps_taken(margins) == taken


def test_square_breaks_the_same_images_with_fewer_queries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Square with its early end breaks all images that the whole search breaks."""
    split, network = data.load().tuning, loading.resolve("baseline").model
    x, y = split.images()[:IMAGES], split.labels[:IMAGES]
    queries, broken = [0, 0], []
    for side, looks in enumerate(((), reach.LOOKS)):
        monkeypatch.setattr(reach, "LOOKS", looks)

        def counted(images: torch.Tensor, side: int = side) -> torch.Tensor:
            queries[side] += len(images)
            return network(images)

        generator = torch.Generator().manual_seed(0)
        attack = Square(queries=QUERIES)
        found = attack.propose(counted, x, y, threat=Linf(EPS), rng=generator)
        broken.append(network(found).argmax(1) != y)
    assert 3 < int(broken[0].sum()) < IMAGES - 3
    assert torch.equal(*broken)
    assert queries[1] < 0.9 * queries[0]


def sudden(x: torch.Tensor) -> torch.Tensor:
    """Logits of two classes: the margin is nearly flat until the mean has risen, and then falls."""
    rise = (x - 0.5).mean((1, 2, 3))
    first = torch.where(rise > 0.09, -5.0, 5 - rise)
    return torch.stack([first, torch.zeros_like(first)], 1)


def test_a_whole_search_finds_what_the_early_end_loses() -> None:
    """Images whose margin drops suddenly are lost by the early end, and found by the whole search."""
    x, y = torch.full((40, 1, 8, 8), 0.5), torch.zeros(40, dtype=torch.long)
    broken = []
    for whole in (False, True):
        generator = torch.Generator().manual_seed(0)
        attack = Square(queries=300, whole=whole)
        found = attack.propose(sudden, x, y, threat=Linf(0.1), rng=generator)
        broken.append(int(sudden(found).argmax(1).sum()))
    assert broken[0] + 5 < broken[1]


def test_checks_of_other_attacks_are_whole() -> None:
    """The doubt about weak attacks and AutoAttack's ladder do not share the early end of the others."""
    attacks = [*other_attacks.ATTACKS, *BUDGETS["reference"].attacks]
    squares = [attack for attack in attacks if isinstance(attack, Square)]
    assert len(squares) == 2
    assert all(attack.whole for attack in squares)


def test_setting_is_named_only_where_set() -> None:
    """A search with early end has the settings, and so the seed, that it had before the setting."""
    assert "whole" not in Square().to_json()
    assert make_attack(Square(whole=True).to_json()) == Square(whole=True)
    with pytest.raises(PolicyError, match="expected whole as true or false"):
        make_attack({"use": "Square", "whole": "yes"})
