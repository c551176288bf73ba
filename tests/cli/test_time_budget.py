"""A time budget reduces the sample; the results on attempted samples do not change."""

from __future__ import annotations

import dataclasses

import pytest

from securemnist.attacks.fgsm import RFGSM
from securemnist.data import DataSet
from securemnist.errors import PolicyError
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.stages import CHUNK
from securemnist.measures import bind, take_measurement
from securemnist.models.loading import from_model
from securemnist.results.findings import Measurement
from securemnist.results.per_image import NOT_ATTEMPTED, SURVIVED
from securemnist.threats import Linf
from tests.outcome_text import decoded
from tests.small_network import small_network

# Spent before the first chunk is done: what runs is exactly one chunk.
NO_TIME = 1e-9
THREAT = {"norm": "linf", "eps": 0.1}


def measured(context: Context, images: int, seconds: float) -> Measurement:
    """The accuracy under one attack with a time budget."""
    settings = {"attack": {"use": "RFGSM"}, "threat": THREAT, "images": images, "seconds": seconds}
    return take_measurement(context, "attack_accuracy", bind("attack_accuracy", settings), 0)


def test_unattempted_samples_do_not_count(mnist: DataSet) -> None:
    """Number, interval, classes and confusion are of the attempted samples; the rest is reported."""
    few = dataclasses.replace(mnist, test=mnist.test[: CHUNK + 100])
    context = Context(from_model(small_network(), name="it"), few)
    found = measured(context, CHUNK + 100, NO_TIME)
    assert found.n == CHUNK
    assert not found.complete
    assert found.evidence.not_attempted == 100
    codes = decoded(found.evidence.outcomes.codes)
    assert codes.endswith("?" * 100)
    assert "?" not in codes[:CHUNK]
    assert found.value == codes.count(".") / CHUNK
    assert sum(map(sum, found.evidence.confusion)) == CHUNK


def test_results_before_the_cut_are_unchanged(context: Context) -> None:
    """The samples before the cut have the result of a run without a budget."""
    sample = context.sample(CHUNK + 100, 0)
    cut, whole = (
        evaluate(context, sample, [RFGSM()], Linf(0.1), 0, seconds=limit)
        for limit in (NO_TIME, 1e6)
    )
    assert cut.outcomes.codes[:CHUNK].equal(whole.outcomes.codes[:CHUNK])
    assert (cut.outcomes.codes[CHUNK:] == NOT_ATTEMPTED).all()
    assert (whole.outcomes.codes != NOT_ATTEMPTED).all()


def test_later_stage_attacks_attempted_survivors_only(context: Context) -> None:
    """No stage counts a sample that an earlier one did not reach."""
    sample = context.sample(CHUNK + 100, 0)
    attacks = [RFGSM(), RFGSM(start=0.25)]
    found = evaluate(context, sample, attacks, Linf(0.1), 0, seconds=NO_TIME).outcomes
    assert (found.codes[CHUNK:] == NOT_ATTEMPTED).all()
    entered = [fall.entered for fall in found.waterfall]
    assert entered[1] == entered[0] - found.waterfall[0].fell
    assert int((found.codes == SURVIVED).sum()) == entered[1] - found.waterfall[1].fell


def test_samples_under_a_budget_are_shuffled(mnist: DataSet) -> None:
    """The first samples of the file are not a random sample, so a run with a budget shuffles them."""
    small = dataclasses.replace(mnist, test=mnist.test[: CHUNK + 40])
    context = Context(from_model(small_network(), name="it"), small)
    cut = measured(context, CHUNK + 40, NO_TIME)
    assert cut.evidence.outcomes.order.startswith("random order")
    assert cut.evidence.outcomes.labels.tolist() != small.test.labels.tolist()
    assert not cut.complete
    whole = measured(context, CHUNK + 40, 1e6)
    assert whole.complete
    assert whole.n == CHUNK + 40


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
def test_time_budget_is_positive_and_finite(seconds: float) -> None:
    """A row with a budget of zero, or without an end, is a policy error."""
    with pytest.raises(PolicyError, match="seconds"):
        bind(
            "robust_accuracy",
            {"attack": {"use": "PGD"}, "threat": THREAT, "seconds": seconds},
        )


@pytest.mark.parametrize(("batch", "group"), [({}, 8), ({"batch_size": 3}, 3)])
def test_library_attacks_run_in_groups(batch: dict[str, int], group: int, context: Context) -> None:
    """ART attacks eight samples between two checks of the clock, or the row's batch_size."""
    row = {
        "attack": {"use": "art:FastGradientMethod", **batch},
        "threat": THREAT,
        "images": 20,
        "seconds": NO_TIME,
    }
    assert take_measurement(context, "attack_accuracy", bind("attack_accuracy", row), 0).n == group
