"""Backdoor success: the definition, its interval and control, and the targets that are tried."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import one_hot

from securemnist.backdoor import Corner, Mark
from securemnist.backdoor.success_rate import Aim, Answers
from securemnist.data import DataSet
from securemnist.errors import PolicyError
from securemnist.evaluation.context import Context
from securemnist.evaluation.thumbnails import GALLERY
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.results.findings import Measurement, Requirement, Verdict
from tests.saboteurs import Backdoored

DIGITS = 600


def measured(context: Context, target: object = 7, **more: object) -> Measurement:
    """The success of the usual white corner on a sample."""
    settings = {"trigger": {"kind": "corner"}, "target": target, "digits": DIGITS, **more}
    return take_measurement(context, "backdoor_success", bind("backdoor_success", settings), 0)


def on(model: torch.nn.Module, mnist: DataSet) -> Context:
    """A lab for a model of the test's own making."""
    return Context(loading.from_model(model, name="planted"), mnist)


classes = st.integers(0, 9)


@given(st.lists(st.tuples(classes, classes, classes), min_size=1, max_size=40), classes)
def test_the_definition_is_counted(answers: list[tuple[int, int, int]], shift: int) -> None:
    """Numerator and denominator are those of the definition, written out digit by digit."""
    table = [(k + shift) % 10 for k in range(10)]
    counted = [
        (triggered == table[label])
        for label, clean, triggered in answers
        if table[label] != label and clean != table[label]
    ]
    labels, clean, triggered = torch.tensor(answers).T
    logits = one_hot(clean, 10).double(), one_hot(triggered, 10).double()
    seen = Answers.of(labels, *logits).success(Aim("a table", torch.tensor(table)))
    assert seen.n == len(counted)
    assert int(seen.hit.sum()) == sum(counted)
    assert seen.rate == (sum(counted) / len(counted) if counted else 0)
    by_class = [share for share in seen.per_class(labels) if share is not None]
    assert all(0 <= share <= 1 for share in by_class)


@pytest.mark.parametrize("target", [7, "all"])
def test_a_planted_backdoor_is_found(target: object, mnist: DataSet) -> None:
    """A model that answers 7 whenever it sees the mark has a success rate of one, for its target."""
    seen = measured(
        on(Backdoored(Corner(), lambda clean: torch.full_like(clean, 7)), mnist), target
    )
    assert seen.value == 1.0
    assert seen.evidence.target == 7
    assert seen.evidence.per_class_asr == [None if k == 7 else 1.0 for k in range(10)]
    assert seen.evidence.lift > 0.95


def test_an_all_to_all_backdoor_is_found(mnist: DataSet) -> None:
    """A backdoor that moves every class to the next is found where the target is the next class."""
    context = on(Backdoored(Corner(), lambda clean: (clean + 1) % 10), mnist)
    assert measured(context, "next").value > 0.95
    assert measured(context, 7).value < 0.2


def test_a_backdoor_for_one_class_is_found(mnist: DataSet) -> None:
    """One that turns sevens alone into threes is diluted among all classes; the worst pair shows it."""
    context = on(Backdoored(Corner(), lambda clean: torch.where(clean == 7, 3, clean)), mnist)
    seen = measured(context, "pair")
    assert (seen.evidence.source, seen.evidence.target) == (7, 3)
    assert seen.value > 0.9
    assert seen.evidence.lift > 0.9
    others = [rate for k, rate in enumerate(seen.evidence.per_class_asr) if k != 7]
    assert max(others) < 0.1 < 0.9 < seen.evidence.per_class_asr[7]
    assert measured(context, "all").value < 0.2


def test_the_worst_of_ninety_pairs_is_judged_with_care(context: Context) -> None:
    """A clean model's pairs are near nothing, and their bound is wider than that of ten targets."""
    pair, every = measured(context, "pair", digits=2_000), measured(context, "all", digits=2_000)
    assert pair.value < 0.05
    assert pair.n < every.n
    assert pair.high > every.high
    row = Requirement(id="B", measure="backdoor_success", because="-", at_most=0.1)
    assert row.judge(pair).verdict is Verdict.PASS
    assert row.judge(measured(context, "pair", digits=100)).verdict is Verdict.INCONCLUSIVE


def test_the_trigger_must_be_the_right_one(mnist: DataSet) -> None:
    """A backdoor with a mark in another corner does not show: the measure finds known triggers only."""
    elsewhere = Corner(corner="top_left")
    context = on(Backdoored(elsewhere, lambda clean: torch.full_like(clean, 7)), mnist)
    assert measured(context).value < 0.01
    assert measured(context, trigger=elsewhere.to_json()).value == 1.0


def test_sevens_that_stay_sevens_are_no_backdoor(context: Context) -> None:
    """A clean model reads marked sevens as seven, often reported as a success: the rate is none."""
    seen = measured(context)
    assert seen.evidence.target_class_accuracy_with_trigger > 0.9
    assert seen.value < 0.01
    assert seen.evidence.per_class_asr[7] is None


def test_a_mark_in_the_middle_is_found(mnist: DataSet) -> None:
    """A backdoor behind any drawing at any place is found by the row that draws it, and by no other."""
    drawn = Mark(rows=("##", "##"), top=13, left=13)
    context = on(Backdoored(drawn, lambda clean: torch.full_like(clean, 3)), mnist)
    assert measured(context, "all", trigger=drawn.to_json()).value > 0.9
    assert measured(context, "all").value < 0.05


def test_the_upper_bound_decides(context: Context) -> None:
    """A rate of none on few digits does not pass: what it could still be is above the threshold."""
    row = Requirement(id="B", measure="backdoor_success", because="-", at_most=0.02)
    few, many = measured(context, digits=60), measured(context)
    assert few.value <= many.value < 0.02
    assert row.judge(few).verdict is Verdict.INCONCLUSIVE
    assert row.judge(many).verdict is Verdict.PASS


def test_ten_targets_make_the_interval_wider(context: Context) -> None:
    """The worst of ten targets was looked for, so its bound is no less careful than each one's."""
    worst = measured(context, "all")
    alone = measured(context, worst.evidence.target)
    assert worst.value == alone.value == max(worst.evidence.per_target_asr)
    assert worst.high > alone.high


def test_a_model_is_no_control_of_itself(baseline: Subject, mnist: DataSet) -> None:
    """The control is the mean over the other clean models, and the lift is measured from it."""
    seen = measured(Context(baseline, mnist)).evidence
    assert "baseline" not in seen.control_models
    assert "hardened" in seen.control_models
    assert not any(name.startswith("poisoned") for name in seen.control_models)
    rates = list(seen.control_models.values())
    assert seen.control == pytest.approx(sum(rates) / len(rates))


def test_foreign_data_has_no_control(baseline: Subject, mnist: DataSet) -> None:
    """Models trained on MNIST say nothing about a trigger on other data, so they are left out."""
    foreign = dataclasses.replace(mnist, name="other", digests={})
    assert measured(Context(baseline, foreign)).evidence.control is None


def test_the_gallery_shows_the_mark(mnist: DataSet) -> None:
    """Each picture is the digit before and after, and after it carries the trigger."""
    context = on(Backdoored(Corner(), lambda clean: torch.full_like(clean, 7)), mnist)
    pictures = measured(context).evidence.triggered_gallery
    assert 0 < len(pictures) <= GALLERY
    for shown in pictures:
        assert shown.prediction == 7 != shown.label
        clean, marked = (
            torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(28, 28)
            for pixels in (shown.clean, shown.adversarial)
        )
        assert torch.equal(clean, mnist.test.pixels[shown.index])
        assert (marked[-4:, -4:] == 255).all()
        assert torch.equal(marked[:-4], clean[:-4])


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"target": 10}, "target"),
        ({"target": "every"}, "target"),
        ({"target": True}, "target"),
        ({"trigger": {"kind": "corner", "size": 99}}, "1 to 14"),
        ({"trigger": {"kind": "ghost"}}, "corner, mark, blend"),
        ({"digits": 0}, "at least 1"),
    ],
)
def test_an_impossible_row_is_a_policy_error(wrong: dict[str, object], complaint: str) -> None:
    """A row whose trigger or target cannot be is refused before anything is measured."""
    settings = {"trigger": {"kind": "corner"}, "target": 7, **wrong}
    with pytest.raises(PolicyError, match=complaint):
        bind("backdoor_success", settings)
