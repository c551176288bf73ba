"""Outcomes of a ladder run, its thumbnails, and the measures computed from them."""

from __future__ import annotations

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch

from securemnist.attacks.fgsm import FGSM
from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.ladder_run import LadderRun
from securemnist.evaluation.outcomes import Outcomes
from securemnist.evaluation.thumbnails import GALLERY
from securemnist.measures import bind, take_measurement
from securemnist.models.loading import Subject, from_model
from securemnist.results.confusion import per_class
from securemnist.results.evidence.attack import AttackEvidence, StageResult
from securemnist.results.findings import Requirement, Verdict
from securemnist.results.intervals import share_interval
from securemnist.results.per_image import (
    CERTIFIED,
    MISCLASSIFIED,
    NOT_ATTEMPTED,
    SURVIVED,
)
from securemnist.threats import Linf
from tests.outcome_text import decoded
from tests.saboteurs import Constant
from tests.stubs import FunctionModel, GreyAttack

Images = torch.Tensor


@pytest.fixture(scope="module")
def run(context: Context) -> LadderRun:
    """Three attacks on 200 images: one without effect, a weak one and a strong one."""
    attacks = [GreyAttack(share=0.0), FGSM(), PGD(steps=5)]
    return evaluate(context, context.sample(200, 3), attacks, Linf(0.15), 0)


def test_outcomes_equal_per_image_checks(run: LadderRun, baseline: Subject) -> None:
    """An image is misclassified, broken by the first successful attack, or survives."""
    sample: Sample = run.sample
    outcomes = run.outcomes
    assert outcomes.stages == ["GreyAttack", "FGSM", "PGD-5"]
    with torch.no_grad():
        clean, final = (baseline.model(x).argmax(1) for x in (sample.x, run.x_adv))
    rng = torch.Generator()
    by_fgsm = FGSM().propose(baseline.model, sample.x, sample.y, threat=Linf(0.15), rng=rng)
    falls_at_once = baseline.model(by_fgsm).argmax(1) != sample.y
    codes = decoded(run.outcomes.evidence().outcomes.codes)
    for k, code in enumerate(codes):
        right, broken = clean[k] == sample.y[k], final[k] != sample.y[k]
        assert (code == "x") is not bool(right)
        assert (code == "1") is bool(right and falls_at_once[k])
        assert (code == "2") is bool(right and broken and not falls_at_once[k])
        assert (code == ".") is not bool(broken)
    assert {"1", "2", "."} <= set(codes)
    assert outcomes.unbroken == codes.count(".")
    assert torch.equal(outcomes.predictions, final)


def test_stages_run_on_survivors_only(run: LadderRun) -> None:
    """Each attack gets exactly the survivors of the earlier ones."""
    codes = decoded(run.outcomes.evidence().outcomes.codes)
    right = len(codes) - codes.count("x")
    one, two = codes.count("1"), codes.count("2")
    entered = [(fall.stage, fall.entered, fall.fell) for fall in run.outcomes.waterfall]
    assert entered == [("GreyAttack", right, 0), ("FGSM", right, one), ("PGD-5", right - one, two)]


def test_adversarial_images_are_within_threat(run: LadderRun) -> None:
    """The stored image of a broken one is within the threat; any other is the clean image."""
    broken = run.outcomes.codes >= 0
    size = Linf(0.15).distance(run.sample.x, run.x_adv)
    assert (size[broken] > 0).all()
    assert (size[broken] <= 0.15 + 1e-6).all()
    assert not size[~broken].any()


def test_evidence_is_json(run: LadderRun) -> None:
    """The evidence is JSON, and its confusion matrix counts every image once."""
    evidence = dataclasses.replace(run.outcomes.evidence(), gallery=run.gallery())
    text = json.dumps(evidence.to_json(), allow_nan=False)
    assert json.dumps(AttackEvidence.from_json(json.loads(text)).to_json()) == text
    table = torch.tensor(evidence.confusion)
    assert torch.equal(table.sum(1), torch.bincount(run.sample.y, minlength=10))
    assert torch.equal(table.sum(0), torch.bincount(run.outcomes.predictions, minlength=10))
    assert evidence.outcomes.labels.tolist() == run.sample.y.tolist()
    rates = per_class(evidence.confusion)
    assert rates[3] == table[3, 3] / table[3].sum()


def test_outcome_codes() -> None:
    """Certified images are unbroken, unattempted ones do not count, broken ones name a stage."""
    labels = torch.arange(5)
    outcomes = Outcomes(labels, torch.tensor([0, 1, 2, 3, 9]), 10)
    outcomes.codes[0], outcomes.codes[1] = CERTIFIED, NOT_ATTEMPTED
    for stage in range(12):
        broken = torch.tensor([2] if stage == 11 else [], dtype=torch.long)
        outcomes.record(StageResult(f"s{stage}", 1, len(broken), 0, 0.0), broken, broken)
    table = outcomes.table()
    assert table.labels.tolist() == labels.tolist()
    assert table.codes.tolist() == [CERTIFIED, NOT_ATTEMPTED, 11, SURVIVED, MISCLASSIFIED]
    assert (outcomes.unbroken, outcomes.certified) == (2, 1)
    assert outcomes.undecided.tolist() == [3]
    assert per_class(np.array([[1, 1], [0, 0]])) == [0.5, None]


def test_gallery_starts_with_each_class(run: LadderRun) -> None:
    """The gallery has twelve broken images, the first of each class, as measured."""
    gallery = run.gallery()
    broken = run.outcomes.codes >= 0
    assert len(gallery) == GALLERY == 12
    places = {int(place): k for k, place in enumerate(run.sample.places)}
    labels = run.sample.y.tolist()
    first = {labels[k]: k for k in range(len(labels) - 1, -1, -1) if broken[k]}
    assert set(first.values()) <= {places[shown.index] for shown in gallery}
    for shown in gallery:
        k = places[shown.index]
        assert bool(broken[k])
        assert shown.label == int(run.sample.y[k]) == shown.clean_prediction
        assert shown.prediction == int(run.outcomes.predictions[k]) != shown.label
        assert 0 < shown.confidence <= 1
        for key, image in (("clean", run.sample.x[k]), ("adversarial", run.x_adv[k])):
            expected = (image * 255).round().to(torch.uint8).numpy().tobytes()
            assert getattr(shown, key).pixels == expected


def test_last_broken_are_of_latest_stages(run: LadderRun) -> None:
    """The last broken images are those of the latest stage, each with its attack."""
    stages = {name: number for number, name in enumerate(run.outcomes.stages)}
    shown = [stages[thumbnail.broken_by] for thumbnail in run.last_broken()]
    codes = run.outcomes.codes
    assert shown == sorted(codes[codes >= 0].tolist(), reverse=True)[:GALLERY]
    alone = copy.copy(run)
    alone.outcomes = Outcomes(run.sample.y, run.sample.y, 10)
    assert alone.last_broken() == []


def test_confusion_matrices_count_equal_images(run: LadderRun) -> None:
    """Both matrices count the same images; errors of the clean one are misclassifications."""
    evidence = run.outcomes.evidence()
    clean, attacked = (torch.tensor(getattr(evidence, k)) for k in ("clean_confusion", "confusion"))
    assert torch.equal(clean.sum(1), attacked.sum(1))
    misread = int((run.outcomes.codes == MISCLASSIFIED).sum())
    assert int(clean.sum() - clean.diagonal().sum()) == misread


def test_smallest_margin_images_order(small_context: Context) -> None:
    """Misclassified images come first; no other image has a smaller margin."""
    measurement = take_measurement(
        small_context, "clean_accuracy", bind("clean_accuracy", {"images": 500}), 0
    )
    shown = measurement.evidence.hardest
    margins = [image.margin for image in shown]
    assert margins == sorted(margins)
    assert all((d.margin < 0) == (d.label != d.prediction) for d in shown)
    logits, labels = (
        small_context.clean_logits(small_context.sample(None, 0)),
        small_context.data.test.labels,
    )
    own = logits.gather(1, labels.unsqueeze(1)).squeeze(1)
    rest = logits.scatter(1, labels.unsqueeze(1), -torch.inf).amax(1)
    assert margins == pytest.approx((own - rest).sort().values[:GALLERY].tolist(), abs=1e-3)


def test_ladder_on_model_without_correct_predictions(mnist: DataSet) -> None:
    """Without a correct prediction no attack runs, and the stage is recorded as empty."""
    wrong = from_model(FunctionModel(lambda x: 10 - x.flatten(1)[:, :10]), name="wrong")
    nines = mnist.test[mnist.test.labels == 9]
    context = Context(wrong, dataclasses.replace(mnist, test=nines))
    outcomes = evaluate(context, context.sample(20, 0), [FGSM()], Linf(0.1), 0).outcomes
    assert decoded(outcomes.evidence().outcomes.codes) == "x" * 20
    assert [(fall.entered, fall.fell) for fall in outcomes.waterfall] == [(0, 0)]


@pytest.fixture(scope="module")
def small_context(baseline: Subject, mnist: DataSet) -> Context:
    """The baseline on 500 test images as a complete test set."""
    return Context(baseline, dataclasses.replace(mnist, test=mnist.test[:500]))


def test_measures_equal_outcome_shares(small_context: Context) -> None:
    """Each measure is its share of the outcomes, with its exact interval, complete on all images."""
    predictions = small_context.clean_logits(small_context.sample(None, 0)).argmax(1)
    labels = small_context.data.test.labels
    right = predictions == labels
    clean = take_measurement(
        small_context, "clean_accuracy", bind("clean_accuracy", {"images": 500}), 0
    )
    assert (clean.value, clean.n, clean.complete) == (int(right.sum()) / 500, 500, True)
    assert (clean.low, clean.high) == share_interval(int(right.sum()), 500)
    worst = take_measurement(
        small_context, "worst_class_accuracy", bind("worst_class_accuracy", {"images": 500}), 0
    )
    shares = [float(right[labels == k].double().mean()) for k in range(10)]
    assert worst.value == pytest.approx(min(shares))
    assert worst.n == int((labels == worst.evidence.worst_class).sum())


def test_worst_class_needs_every_class(context: Context) -> None:
    """A class without images makes the worst class unknown; a badly classified one fails."""
    kept = context.data.test.labels != 3
    data = dataclasses.replace(context.data, test=context.data.test[kept], digests={})
    settings = bind("worst_class_accuracy", {})
    for model, verdict in ((context.subject, Verdict.INCONCLUSIVE), (constant(), Verdict.FAIL)):
        row = Requirement(id="W", measure="worst_class_accuracy", because="-", at_least=0.5)
        finding = row.judge(
            take_measurement(Context(model, data), "worst_class_accuracy", settings, 0)
        )
        assert finding.verdict is verdict
        assert ("no image of class 3" in finding.reason) is (verdict is Verdict.INCONCLUSIVE)


def constant() -> Subject:
    """A model that predicts class 0 for every image."""
    return from_model(Constant(), name="constant")


def test_robust_accuracy_counts_survivors(small_context: Context) -> None:
    """Robust accuracy is the share of survivors and falls along eps."""
    settings = {
        "attack": {"use": "PGD", "steps": 3},
        "threat": {"norm": "linf", "eps": 0.1},
        "images": 6,
        "curve": [0.0, 0.1, 0.3],
    }
    data = small_context.data
    context = Context(small_context.subject, dataclasses.replace(data, test=data.test[:100]))
    measurement = take_measurement(context, "robust_accuracy", bind("robust_accuracy", settings), 0)
    assert measurement.value == decoded(measurement.evidence.outcomes.codes).count(".") / 6
    assert (measurement.survived, measurement.complete, measurement.n) == (True, False, 6)
    accuracies = [point.accuracy for point in measurement.evidence.curve]
    predictions = context.clean_logits(context.sample(None, 0)).argmax(1)
    assert accuracies[0] == int((predictions == context.data.test.labels).sum()) / 100
    assert accuracies[0] > accuracies[1] > accuracies[2]
