"""The ladder: its stages and their order, open digits only, and the default of a robustness row."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch

from securemnist.attacks.pgd import PGD
from securemnist.errors import PolicyError
from securemnist.evaluation.context import Lab
from securemnist.evaluation.ladder import CHUNK, evaluate
from securemnist.evaluation.ladder_run import Evaluation
from securemnist.evaluation.ladders import BUDGETS, make_stages
from securemnist.evaluation.pace import USUAL
from securemnist.measures import MEASURES, bind, take
from securemnist.referee import rule
from securemnist.results.findings import TIERS
from securemnist.results.per_image import NOT_ATTEMPTED
from securemnist.threats import Linf
from tests.wording import one_sentence

THREAT = {"norm": "linf", "eps": 0.12}
SMOKE = make_stages({"use": "ladder", "budget": "smoke"})


def without_times(value: Any) -> Any:
    """The same evidence with every number of seconds taken out."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k != "seconds"}
    return [without_times(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def found(lab: Lab) -> Evaluation:
    """The smoke ladder on 60 digits of the baseline."""
    return evaluate(lab, lab.sample(60, 0), SMOKE, Linf(0.12), 0)


def test_the_reference_is_the_published_ensemble() -> None:
    """APGD-CE, targeted APGD, FAB-T and Square in this order, 100 steps, nine targets, 5,000 queries."""
    stages = [attack.to_json() for attack in BUDGETS["reference"].attacks]
    assert stages == [
        {"use": "APGD", "steps": 100, "restarts": 1, "loss": "ce"},
        {"use": "APGDT", "steps": 100, "restarts": 1, "targets": 9},
        {"use": "FAB", "steps": 100, "restarts": 1, "targets": 9},
        {"use": "Square", "queries": 5000, "start": 0.8},
    ]


@pytest.mark.parametrize("budget", TIERS)
def test_cheap_attacks_come_first(budget: str) -> None:
    """Every calibrated budget scouts with FGSM and PGD-10, then searches in the published order."""
    ladder = BUDGETS[budget]
    assert [attack.name for attack in ladder.scouts] == ["FGSM", "PGD-10"]
    order = ["APGD", "APGDT", "FAB", "BoundaryFAB", "NearestAPGD", "Square"]
    kinds = [type(attack).__name__ for attack in ladder.searches]
    assert kinds == [kind for kind in order if kind in kinds]
    assert {"APGD", "APGDT", "Square"} <= set(kinds)


def test_a_larger_tier_costs_more() -> None:
    """A surviving digit costs more passes from tier to tier."""
    costs = [sum(attack.passes() for attack in BUDGETS[budget].attacks) for budget in TIERS]
    assert costs == sorted(costs)
    assert len(set(costs)) == 3


def test_one_attack_is_a_ladder_of_one() -> None:
    """An attack that is named stands alone."""
    assert make_stages({"use": "PGD", "steps": 7}) == (PGD(steps=7),)


@pytest.mark.parametrize(
    "attack",
    [
        {"use": "ladder", "budget": "huge"},
        {"use": "ladder", "budget": 3},
        {"use": "ladder", "budget": "full", "steps": 3},
        {"use": "ladders"},
        {"budget": "full"},
    ],
    ids=str,
)
def test_a_ladder_that_does_not_exist(attack: dict[str, Any]) -> None:
    """A wrong budget or setting is a policy error of one sentence."""
    with pytest.raises(PolicyError) as caught:
        bind("robust_accuracy", {"threat": THREAT, "attack": attack})
    one_sentence(caught.value)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("attack", [{}, {"attack": {"use": "ladder"}}], ids=str)
def test_a_row_has_the_ladder_of_its_tier(tier: str, attack: dict[str, Any]) -> None:
    """Without an attack, or a budget, a robustness row is measured by the ladder of its tier."""
    settings: Any = bind("robust_accuracy", {"threat": THREAT} | attack, tier=tier)
    assert settings.the_attacks() == BUDGETS[tier].attacks
    assert settings.attack_name == f"ladder ({tier})"


def test_a_budget_that_is_named_wins() -> None:
    """A row of the standard tier may ask for the reference."""
    row = {"threat": THREAT, "attack": {"use": "ladder", "budget": "reference"}}
    settings: Any = bind("robust_accuracy", row, tier="standard")
    assert settings.the_attacks() == BUDGETS["reference"].attacks


def test_a_ladder_is_no_one_step_attack() -> None:
    """A ladder starts with FGSM and still is a search; its estimate counts every stage."""
    settings: Any = bind("attack_accuracy", {"threat": THREAT, "attack": {"use": "ladder"}})
    assert not settings.one_step
    one: Any = bind("robust_accuracy", {"threat": THREAT, "attack": {"use": "PGD", "steps": 10}})
    ladder = MEASURES["attack_accuracy"].estimate(settings, USUAL)
    assert ladder > 20 * MEASURES["robust_accuracy"].estimate(one, USUAL)


def test_each_stage_sees_what_is_left(found: Evaluation) -> None:
    """What enters a stage is what entered and did not fall in the one before; all fallen are counted."""
    falls = found.outcomes.waterfall
    assert [fall.stage for fall in falls] == [attack.name for attack in SMOKE]
    for one, after in pairwise(falls):
        assert after.entered == one.entered - one.fell
    assert falls[-1].entered - falls[-1].fell == found.outcomes.standing
    assert sum(fall.fell for fall in falls) > 5
    assert found.outcomes.standing > 5


def test_every_fallen_digit_is_a_witness(found: Evaluation, lab: Lab) -> None:
    """The image of each fallen digit is in budget and read as another class, looked at once more."""
    broken = found.outcomes.codes >= 0
    x, y, x_adv = found.sample.x[broken], found.sample.y[broken], found.x_adv[broken]
    again = rule(lab.subject.model, x, y, x_adv, norm="linf", eps=0.12)
    assert again.fooled.all()
    assert torch.equal(again.predictions, found.outcomes.predictions[broken])


def test_a_ladder_is_no_weaker_than_its_stages(found: Evaluation, lab: Lab) -> None:
    """No stage alone breaks a digit that the ladder leaves standing."""
    alone = evaluate(lab, found.sample, [SMOKE[1]], Linf(0.12), 0)
    assert not ((alone.outcomes.codes >= 0) & (found.outcomes.codes < 0)).any()
    assert found.outcomes.standing <= alone.outcomes.standing


def test_a_ladder_says_the_same_twice(lab: Lab) -> None:
    """The measurement of a row is the same in two runs, but for the seconds."""
    row = {"threat": THREAT, "digits": 20}
    one, other = (
        take(lab, "robust_accuracy", bind("robust_accuracy", row, tier="smoke"), 7)
        for _ in range(2)
    )
    assert without_times(one.to_json()) == without_times(other.to_json())
    assert one.survived
    names = [attack.name for attack in SMOKE]
    stages = [fall.stage for fall in one.evidence.waterfall]
    assert stages == ["intervals", *names[:2], "CROWN", *names[2:]]


def test_a_digit_that_counts_has_seen_every_stage(lab: Lab) -> None:
    """When the time is over, the digits that count have been through the whole ladder."""
    stages = [PGD(steps=2), PGD(steps=3)]
    cut = evaluate(lab, lab.sample(2 * CHUNK, 0), stages, Linf(0.1), 0, seconds=1e-9).outcomes
    whole = evaluate(lab, lab.sample(2 * CHUNK, 0), stages, Linf(0.1), 0, seconds=1e6).outcomes
    assert cut.attempted.sum() == CHUNK
    assert torch.equal(cut.codes[:CHUNK], whole.codes[:CHUNK])
    assert (whole.codes != NOT_ATTEMPTED).all()
    assert whole.waterfall[0].entered > CHUNK > cut.waterfall[0].entered
    assert whole.waterfall[1].entered == whole.waterfall[0].entered - whole.waterfall[0].fell
