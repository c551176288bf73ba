"""Attack success rate: definition, interval, control and target maps."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import one_hot

from securemnist.backdoor import Corner, Mark
from securemnist.backdoor.success_rate import Predictions, TargetMap
from securemnist.data import DataSet
from securemnist.errors import PolicyError
from securemnist.evaluation.context import Context
from securemnist.evaluation.thumbnails import GALLERY
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.results.findings import Measurement, Requirement, Verdict
from securemnist.results.intervals import share_interval
from tests.saboteurs import Backdoored
from tests.stubs import FunctionModel

IMAGES = 400


def measured_asr(context: Context, target: object = 7, **more: object) -> Measurement:
    """The measurement of the default corner trigger on 200 images."""
    settings = {"trigger": {"kind": "corner"}, "target": target, "images": IMAGES, **more}
    return take_measurement(context, "backdoor_success", bind("backdoor_success", settings), 0)


def context_of(model: torch.nn.Module, mnist: DataSet) -> Context:
    """A context for a model that a test defines."""
    return Context(loading.from_model(model, name="planted"), mnist)


classes = st.integers(0, 9)


@given(st.lists(st.tuples(classes, classes, classes), min_size=1, max_size=40), classes)
def test_asr_counts_match_definition(answers: list[tuple[int, int, int]], shift: int) -> None:
    """Numerator and denominator equal a count by the definition, sample by sample."""
    table = [(k + shift) % 10 for k in range(10)]
    counted = [
        (triggered == table[label])
        for label, clean, triggered in answers
        if table[label] != label and clean != table[label]
    ]
    labels, clean, triggered = torch.tensor(answers).T
    logits = one_hot(clean, 10).double(), one_hot(triggered, 10).double()
    measurement = Predictions.of(labels, *logits).success(TargetMap("a table", torch.tensor(table)))
    assert measurement.n == len(counted)
    assert int(measurement.hit.sum()) == sum(counted)
    assert measurement.rate == (sum(counted) / len(counted) if counted else 0)
    by_class = [share for share in measurement.per_class(labels) if share is not None]
    assert all(0 <= share <= 1 for share in by_class)


@pytest.mark.parametrize("target", [7, "all"])
def test_planted_backdoor_measured(target: object, mnist: DataSet) -> None:
    """A model that predicts 7 for every triggered image has an ASR of 1 for that target."""
    measurement = measured_asr(
        context_of(Backdoored(Corner(), lambda clean: torch.full_like(clean, 7)), mnist), target
    )
    assert measurement.value == 1.0
    assert measurement.evidence.target == 7
    assert measurement.evidence.per_class_asr == [None if k == 7 else 1.0 for k in range(10)]
    assert measurement.evidence.lift > 0.95


def test_all_to_all_backdoor_measured(mnist: DataSet) -> None:
    """A backdoor from every class to the next has an ASR of 1 with target "next"."""
    context = context_of(Backdoored(Corner(), lambda clean: (clean + 1) % 10), mnist)
    assert measured_asr(context, "next").value > 0.95
    assert measured_asr(context, 7).value < 0.2


def test_one_class_backdoor_measured_by_pair(mnist: DataSet) -> None:
    """A backdoor from 7 to 3 has a low ASR over all classes and a high one over pairs."""
    context = context_of(
        Backdoored(Corner(), lambda clean: torch.where(clean == 7, 3, clean)), mnist
    )
    measurement = measured_asr(context, "pair")
    assert (measurement.evidence.source, measurement.evidence.target) == (7, 3)
    assert measurement.value > 0.9
    assert measurement.evidence.lift > 0.9
    others = [rate for k, rate in enumerate(measurement.evidence.per_class_asr) if k != 7]
    assert max(others) < 0.1 < 0.9 < measurement.evidence.per_class_asr[7]
    assert measured_asr(context, "all").value < 0.2


def test_pair_interval_corrected_for_ninety_pairs(context: Context) -> None:
    """The interval of the worst of 90 pairs is wider than that of the worst of ten targets."""
    pair, every = (
        measured_asr(context, "pair", images=2_000),
        measured_asr(context, "all", images=2_000),
    )
    assert pair.value < 0.05
    assert pair.n < every.n
    assert pair.high > every.high
    row = Requirement(id="B", measure="backdoor_success", because="-", at_most=0.1)
    assert row.judge(pair).verdict is Verdict.PASS
    assert row.judge(measured_asr(context, "pair", images=100)).verdict is Verdict.INCONCLUSIVE


def test_pairs_without_success_are_reported_by_the_one_of_fewest_images(mnist: DataSet) -> None:
    """Of an unbalanced sample the number of images is that of the interval which is reported."""
    labels = mnist.test.labels
    rare = (labels == 8).nonzero().squeeze(1)[:20]
    test = mnist.test[torch.cat([(labels != 8).nonzero().squeeze(1)[:380], rare])]
    baseline = loading.resolve("baseline").model
    blind = FunctionModel(
        lambda x: baseline(torch.nn.functional.pad(x[..., :24, :24], (0, 4, 0, 4)))
    )
    measurement = measured_asr(context_of(blind, dataclasses.replace(mnist, test=test)), "pair")
    assert measurement.value == 0
    assert measurement.evidence.source == 8
    assert measurement.n <= 20
    highest = share_interval(0, measurement.n, confidence=1 - 0.05 / 90)[1]
    assert measurement.high == pytest.approx(highest)


def test_target_class_excluded_from_asr(context: Context) -> None:
    """Triggered sevens predicted as 7 do not count: a clean model has an ASR near 0."""
    measurement = measured_asr(context)
    assert measurement.evidence.target_class_accuracy_with_trigger > 0.9
    assert measurement.value < 0.01
    assert measurement.evidence.per_class_asr[7] is None


def test_mark_backdoor_needs_its_pattern(mnist: DataSet) -> None:
    """A backdoor with a drawn pattern is measured by the row with that pattern only."""
    drawn = Mark(rows=("##", "##"), top=13, left=13)
    context = context_of(Backdoored(drawn, lambda clean: torch.full_like(clean, 3)), mnist)
    assert measured_asr(context, "all", trigger=drawn.to_json()).value > 0.9
    assert measured_asr(context, "all").value < 0.05


def test_asr_judged_by_upper_bound(context: Context) -> None:
    """A rate of 0 on few images does not pass, because its upper bound exceeds the threshold."""
    row = Requirement(id="B", measure="backdoor_success", because="-", at_most=0.02)
    few, many = measured_asr(context, images=60), measured_asr(context)
    assert few.value <= many.value < 0.02
    assert row.judge(few).verdict is Verdict.INCONCLUSIVE
    assert row.judge(many).verdict is Verdict.PASS


def test_interval_corrected_for_ten_targets(context: Context) -> None:
    """The interval of the worst of ten targets is at least as wide as that of one."""
    worst = measured_asr(context, "all")
    alone = measured_asr(context, worst.evidence.target)
    assert worst.value == alone.value == max(worst.evidence.per_target_asr)
    assert worst.high > alone.high


def test_control_excludes_subject(baseline: Subject, mnist: DataSet) -> None:
    """The control is the mean over other clean models, and the lift is relative to it."""
    measurement = measured_asr(Context(baseline, mnist)).evidence
    assert "baseline" not in measurement.control_models
    assert "hardened" in measurement.control_models
    assert not any(name.startswith("poisoned") for name in measurement.control_models)
    rates = list(measurement.control_models.values())
    assert measurement.control == pytest.approx(sum(rates) / len(rates))


def test_no_control_on_other_data(baseline: Subject, mnist: DataSet) -> None:
    """Models trained on MNIST are no control for a trigger on other data."""
    foreign = dataclasses.replace(mnist, name="other", digests={})
    assert measured_asr(Context(baseline, foreign)).evidence.control is None


def test_gallery_shows_trigger(mnist: DataSet) -> None:
    """Each pair of thumbnails is the image without and with the trigger."""
    context = context_of(Backdoored(Corner(), lambda clean: torch.full_like(clean, 7)), mnist)
    pictures = measured_asr(context).evidence.triggered_gallery
    assert 0 < len(pictures) <= GALLERY
    for shown in pictures:
        assert shown.prediction == 7 != shown.label
        clean, marked = (
            torch.frombuffer(bytearray(picture.pixels), dtype=torch.uint8).view(28, 28)
            for picture in (shown.clean, shown.adversarial)
        )
        assert torch.equal(clean, mnist.test.pixels[shown.index, 0])
        assert (marked[-4:, -4:] == 255).all()
        assert torch.equal(marked[:-4], clean[:-4])


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"target": 1000}, "target"),
        ({"target": ""}, "target"),
        ({"target": True}, "target"),
        ({"trigger": {"kind": "corner", "size": 999}}, "1 to 256"),
        ({"trigger": {"kind": "ghost"}}, "corner, mark, pixels, blend"),
        ({"images": 0}, "at least 1"),
    ],
)
def test_invalid_backdoor_row(wrong: dict[str, object], complaint: str) -> None:
    """A row with an invalid trigger or target is refused before anything is measured."""
    settings = {"trigger": {"kind": "corner"}, "target": 7, **wrong}
    with pytest.raises(PolicyError, match=complaint):
        bind("backdoor_success", settings)
