"""Ladders: their stages, their order, and the default of a robustness row."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch

from securemnist.attacks.pgd import PGD
from securemnist.errors import PolicyError
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.ladder_run import LadderRun
from securemnist.evaluation.ladders import BUDGETS, make_ladder
from securemnist.evaluation.pace import DEFAULT_PACE
from securemnist.evaluation.stages import CHUNK
from securemnist.measures import MEASURES, bind, take_measurement
from securemnist.referee import rule
from securemnist.results.findings import TIERS
from securemnist.results.per_image import NOT_ATTEMPTED
from securemnist.threats import Linf
from tests.error_form import one_sentence

THREAT = {"norm": "linf", "eps": 0.12}
SMOKE = make_ladder({"use": "ladder", "budget": "smoke"}).attacks


def without_times(value: Any) -> Any:
    """The same evidence without seconds."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k != "seconds"}
    return [without_times(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def run(context: Context) -> LadderRun:
    """The smoke ladder on 60 images of the baseline."""
    return evaluate(context, context.sample(60, 0), SMOKE, Linf(0.12), 0)


def test_reference_budget_is_autoattack() -> None:
    """APGD-CE, targeted APGD, FAB-T and Square; 100 steps, nine targets, 5,000 queries."""
    stages = [attack.to_json() for attack in BUDGETS["reference"].attacks]
    assert stages == [
        {"use": "APGD", "steps": 100, "restarts": 1, "loss": "ce"},
        {"use": "APGDT", "steps": 100, "restarts": 1, "targets": 9},
        {"use": "FAB", "steps": 100, "restarts": 1, "targets": 9},
        {"use": "Square", "queries": 5000, "start": 0.8, "whole": True},
    ]


@pytest.mark.parametrize("budget", TIERS)
def test_budgets_start_with_scouts(budget: str) -> None:
    """Every calibrated budget starts with FGSM and PGD-10, then searches in AutoAttack's order."""
    ladder = BUDGETS[budget]
    assert [attack.name for attack in ladder.scouts] == ["FGSM", "PGD-10"]
    order = ["APGD", "APGDT", "FAB", "BoundaryFAB", "NearestAPGD", "Square"]
    kinds = [type(attack).__name__ for attack in ladder.searches]
    assert kinds == [kind for kind in order if kind in kinds]
    assert {"APGD", "APGDT", "Square"} <= set(kinds)


def test_passes_grow_with_budget() -> None:
    """A survivor costs more passes from tier to tier."""
    costs = [sum(attack.passes() for attack in BUDGETS[budget].attacks) for budget in TIERS]
    assert costs == sorted(costs)
    assert len(set(costs)) == 3


def test_named_attack_is_single_stage() -> None:
    """A named attack is the only stage."""
    assert make_ladder({"use": "PGD", "steps": 7}).attacks == (PGD(steps=7),)


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
def test_unknown_ladder_is_policy_error(attack: dict[str, Any]) -> None:
    """A wrong budget or setting is a policy error of one sentence."""
    with pytest.raises(PolicyError) as caught:
        bind("robust_accuracy", {"threat": THREAT, "attack": attack})
    one_sentence(caught.value)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("attack", [{}, {"attack": {"use": "ladder"}}], ids=str)
def test_default_budget_is_tier(tier: str, attack: dict[str, Any]) -> None:
    """Without an attack, or a budget, a robustness row uses the ladder of its tier."""
    settings: Any = bind("robust_accuracy", {"threat": THREAT} | attack, tier=tier)
    assert settings.ladder.attacks == BUDGETS[tier].attacks
    assert settings.attack_name == f"ladder ({tier})"


def test_named_budget_overrides_tier() -> None:
    """A row of the standard tier may use the reference budget."""
    row = {"threat": THREAT, "attack": {"use": "ladder", "budget": "reference"}}
    settings: Any = bind("robust_accuracy", row, tier="standard")
    assert settings.ladder.attacks == BUDGETS["reference"].attacks


def test_ladder_counts_as_search() -> None:
    """A ladder starts with FGSM but is a search; its estimate counts every stage."""
    settings: Any = bind("attack_accuracy", {"threat": THREAT, "attack": {"use": "ladder"}})
    assert not settings.one_step
    one: Any = bind("robust_accuracy", {"threat": THREAT, "attack": {"use": "PGD", "steps": 10}})
    ladder = MEASURES["attack_accuracy"].estimate(settings, DEFAULT_PACE)
    assert ladder > 20 * MEASURES["robust_accuracy"].estimate(one, DEFAULT_PACE)


def test_stage_counts_add_up(run: LadderRun) -> None:
    """A stage gets the images that the stage before did not break; all broken ones are counted."""
    falls = run.outcomes.waterfall
    assert [fall.stage for fall in falls] == [attack.name for attack in SMOKE]
    for one, after in pairwise(falls):
        assert after.entered == one.entered - one.fell
    assert falls[-1].entered - falls[-1].fell == run.outcomes.unbroken
    assert sum(fall.fell for fall in falls) > 5
    assert run.outcomes.unbroken > 5


def test_ladder_images_pass_referee_again(run: LadderRun, context: Context) -> None:
    """The image of each broken one is within the threat and misclassified when checked again."""
    broken = run.outcomes.codes >= 0
    x, y, x_adv = run.sample.x[broken], run.sample.y[broken], run.x_adv[broken]
    again = rule(context.subject.model, x, y, x_adv, norm="linf", eps=0.12)
    assert again.fooled.all()
    assert torch.equal(again.predictions, run.outcomes.predictions[broken])


def test_ladder_breaks_what_single_stages_break(run: LadderRun, context: Context) -> None:
    """No stage alone breaks an image that survives the ladder."""
    alone = evaluate(context, run.sample, [SMOKE[1]], Linf(0.12), 0)
    assert not ((alone.outcomes.codes >= 0) & (run.outcomes.codes < 0)).any()
    assert run.outcomes.unbroken <= alone.outcomes.unbroken


def test_ladder_is_deterministic(context: Context) -> None:
    """Two measurements of a row are equal except for seconds."""
    row = {"threat": THREAT, "images": 3}
    one, other = (
        take_measurement(context, "robust_accuracy", bind("robust_accuracy", row, tier="smoke"), 7)
        for _ in range(2)
    )
    assert without_times(one.to_json()) == without_times(other.to_json())
    assert one.survived
    names = [attack.name for attack in SMOKE]
    stages = [fall.stage for fall in one.evidence.waterfall]
    assert stages == ["intervals", *names[:2], "CROWN", *names[2:]]


def test_time_budget_counts_complete_chunks_only(context: Context) -> None:
    """When time is over, counted images have passed the whole ladder."""
    stages = [PGD(steps=2), PGD(steps=3)]
    cut = evaluate(
        context, context.sample(2 * CHUNK, 0), stages, Linf(0.1), 0, seconds=1e-9
    ).outcomes
    whole = evaluate(
        context, context.sample(2 * CHUNK, 0), stages, Linf(0.1), 0, seconds=1e6
    ).outcomes
    assert cut.attempted.sum() == CHUNK
    assert torch.equal(cut.codes[:CHUNK], whole.codes[:CHUNK])
    assert (whole.codes != NOT_ATTEMPTED).all()
    assert whole.waterfall[0].entered > CHUNK > cut.waterfall[0].entered
    assert whole.waterfall[1].entered == whole.waterfall[0].entered - whole.waterfall[0].fell
