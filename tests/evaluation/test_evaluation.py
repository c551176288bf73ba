"""The ladder: each digit has one outcome, every broken one a witness; pictures and measures of it."""

from __future__ import annotations

import base64
import dataclasses
import json

import pytest
import torch

from securemnist.attacks.fgsm import FGSM
from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.evaluation.context import Lab, Sample
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.ladder_run import Evaluation
from securemnist.evaluation.outcomes import Fall, Outcomes, per_class
from securemnist.evaluation.thumbnails import GALLERY
from securemnist.measures import bind, take
from securemnist.models.loading import Subject, from_model
from securemnist.results.findings import Requirement, Verdict
from securemnist.results.intervals import share_interval
from securemnist.results.per_image import (
    CERTIFIED,
    MISCLASSIFIED,
    NOT_ATTEMPTED,
    SURVIVED,
    decode,
    decode_outcomes,
)
from securemnist.threats import Linf
from tests.odd import Odd, Puts
from tests.outcome_text import decoded
from tests.saboteurs import Constant

Images = torch.Tensor


@pytest.fixture(scope="module")
def found(lab: Lab) -> Evaluation:
    """Three attacks on 400 digits: one that does nothing, a weak one and a strong one."""
    attacks = [Puts(share=0.0), FGSM(), PGD(steps=5)]
    return evaluate(lab, lab.sample(400, 3), attacks, Linf(0.15), 0)


def test_every_digit_has_one_outcome(found: Evaluation, baseline: Subject) -> None:
    """A digit is misread clean, broken by the first attack that can, or survives: checked one by one."""
    sample: Sample = found.sample
    outcomes = found.outcomes
    assert outcomes.stages == ["Puts", "FGSM", "PGD-5"]
    with torch.no_grad():
        clean, final = (baseline.model(x).argmax(1) for x in (sample.x, found.x_adv))
    rng = torch.Generator()
    by_fgsm = FGSM().propose(baseline.model, sample.x, sample.y, threat=Linf(0.15), rng=rng)
    falls_at_once = baseline.model(by_fgsm).argmax(1) != sample.y
    codes = decoded(found.outcomes.evidence()["outcomes"]["codes"])
    for k, code in enumerate(codes):
        right, broken = clean[k] == sample.y[k], final[k] != sample.y[k]
        assert (code == "x") is not bool(right)
        assert (code == "1") is bool(right and falls_at_once[k])
        assert (code == "2") is bool(right and broken and not falls_at_once[k])
        assert (code == ".") is not bool(broken)
    assert {"1", "2", "."} <= set(codes)
    assert outcomes.standing == codes.count(".")
    assert torch.equal(outcomes.predictions, final)


def test_a_fallen_digit_does_not_enter_again(found: Evaluation) -> None:
    """Each attack is given exactly what the earlier ones left standing."""
    codes = decoded(found.outcomes.evidence()["outcomes"]["codes"])
    right = len(codes) - codes.count("x")
    one, two = codes.count("1"), codes.count("2")
    entered = [(fall.stage, fall.entered, fall.fell) for fall in found.outcomes.waterfall]
    assert entered == [("Puts", right, 0), ("FGSM", right, one), ("PGD-5", right - one, two)]


def test_every_broken_digit_is_a_witness(found: Evaluation) -> None:
    """The image kept for a broken digit is within budget; for any other it is the digit itself."""
    broken = found.outcomes.codes >= 0
    size = Linf(0.15).distance(found.sample.x, found.x_adv)
    assert (size[broken] > 0).all()
    assert (size[broken] <= 0.15 + 1e-6).all()
    assert not size[~broken].any()


def test_the_table_is_plain_json(found: Evaluation) -> None:
    """The evidence is builtins alone, and its confusion matrix counts every digit once."""
    evidence = found.outcomes.evidence() | {"gallery": found.gallery()}
    assert json.loads(json.dumps(evidence, allow_nan=False)) == evidence
    table = torch.tensor(evidence["confusion"])
    assert torch.equal(table.sum(1), torch.bincount(found.sample.y, minlength=10))
    assert torch.equal(table.sum(0), torch.bincount(found.outcomes.predictions, minlength=10))
    assert decode(evidence["outcomes"]["labels"]).tolist() == found.sample.y.tolist()
    rates = per_class(evidence["confusion"])
    assert rates[3] == table[3, 3] / table[3].sum()


def test_codes_of_every_kind() -> None:
    """Certified digits stand, digits not attempted do not, and a broken one names its stage."""
    labels = torch.arange(5)
    outcomes = Outcomes(labels, torch.tensor([0, 1, 2, 3, 9]), "all 5")
    outcomes.codes[0], outcomes.codes[1] = CERTIFIED, NOT_ATTEMPTED
    for stage in range(12):
        broken = torch.tensor([2] if stage == 11 else [], dtype=torch.long)
        outcomes.record(Fall(f"s{stage}", 1, len(broken), 0, 0.0), broken, broken)
    found, codes = decode_outcomes(outcomes.evidence()["outcomes"])
    assert found.tolist() == labels.tolist()
    assert codes.tolist() == [CERTIFIED, NOT_ATTEMPTED, 11, SURVIVED, MISCLASSIFIED]
    assert (outcomes.standing, outcomes.certified) == (2, 1)
    assert outcomes.open.tolist() == [3]
    assert per_class([[1, 1], [0, 0]]) == [0.5, None]


def test_the_gallery_shows_every_class(found: Evaluation) -> None:
    """It shows twelve broken digits, the first of each class, with the very images that were measured."""
    gallery = found.gallery()
    broken = found.outcomes.codes >= 0
    assert len(gallery) == GALLERY == 12
    places = {int(place): k for k, place in enumerate(found.sample.places)}
    labels = found.sample.y.tolist()
    first = {labels[k]: k for k in range(len(labels) - 1, -1, -1) if broken[k]}
    assert set(first.values()) <= {places[shown["index"]] for shown in gallery}
    for shown in gallery:
        k = places[shown["index"]]
        assert bool(broken[k])
        assert shown["label"] == int(found.sample.y[k]) == shown["clean_prediction"]
        assert shown["prediction"] == int(found.outcomes.predictions[k]) != shown["label"]
        assert 0 < shown["confidence"] <= 1
        for key, image in (("clean", found.sample.x[k]), ("adversarial", found.x_adv[k])):
            expected = (image * 255).round().to(torch.uint8).numpy().tobytes()
            assert base64.b64decode(shown[key]) == expected


def test_the_last_to_fall_come_last(found: Evaluation) -> None:
    """The hardest broken digits are those of the latest stage, each named with what broke it."""
    stages = {name: number for number, name in enumerate(found.outcomes.stages)}
    shown = [stages[picture["broken_by"]] for picture in found.last_to_fall()]
    codes = found.outcomes.codes
    assert shown == sorted(codes[codes >= 0].tolist(), reverse=True)[:GALLERY]
    alone = dataclasses.replace(found, outcomes=Outcomes(found.sample.y, found.sample.y, "x"))
    assert alone.last_to_fall() == []


def test_the_clean_matrix_stands_beside_the_attacked_one(found: Evaluation) -> None:
    """Both count the same digits; off the clean diagonal stand the misread ones alone."""
    evidence = found.outcomes.evidence()
    clean, attacked = (torch.tensor(evidence[k]) for k in ("clean_confusion", "confusion"))
    assert torch.equal(clean.sum(1), attacked.sum(1))
    misread = int((found.outcomes.codes == MISCLASSIFIED).sum())
    assert int(clean.sum() - clean.diagonal().sum()) == misread


def test_the_hardest_digits_have_the_least_margin(small_lab: Lab) -> None:
    """Misread digits come first; no digit that is left out has a smaller margin."""
    seen = take(small_lab, "clean_accuracy", bind("clean_accuracy", {"digits": 500}), 0)
    shown = seen.evidence["hardest"]
    margins = [digit["margin"] for digit in shown]
    assert margins == sorted(margins)
    assert all((d["margin"] < 0) == (d["label"] != d["prediction"]) for d in shown)
    logits, labels = small_lab.test_logits, small_lab.data.test.labels
    own = logits.gather(1, labels.unsqueeze(1)).squeeze(1)
    rest = logits.scatter(1, labels.unsqueeze(1), -torch.inf).amax(1)
    assert margins == pytest.approx((own - rest).sort().values[:GALLERY].tolist(), abs=1e-3)


def test_a_model_that_was_broken_before(mnist: DataSet) -> None:
    """Where no digit is read right no attack is run, and the stage is recorded as empty."""
    wrong = from_model(Odd(lambda x: 10 - x.flatten(1)[:, :10]), name="wrong")
    nines = mnist.test[mnist.test.labels == 9]
    lab = Lab(wrong, dataclasses.replace(mnist, test=nines))
    outcomes = evaluate(lab, lab.sample(20, 0), [FGSM()], Linf(0.1), 0).outcomes
    assert decoded(outcomes.evidence()["outcomes"]["codes"]) == "x" * 20
    assert [(fall.entered, fall.fell) for fall in outcomes.waterfall] == [(0, 0)]


@pytest.fixture(scope="module")
def small_lab(baseline: Subject, mnist: DataSet) -> Lab:
    """The baseline on 500 test digits, which are then the complete set."""
    return Lab(baseline, dataclasses.replace(mnist, test=mnist.test[:500]))


def test_the_measures_read_the_table(small_lab: Lab) -> None:
    """Each measure is the share it claims to be, with its exact interval, complete on all digits."""
    predictions = small_lab.test_logits.argmax(1)
    labels = small_lab.data.test.labels
    right = predictions == labels
    clean = take(small_lab, "clean_accuracy", bind("clean_accuracy", {"digits": 500}), 0)
    assert (clean.value, clean.n, clean.complete) == (int(right.sum()) / 500, 500, True)
    assert (clean.low, clean.high) == share_interval(int(right.sum()), 500)
    worst = take(
        small_lab, "worst_class_accuracy", bind("worst_class_accuracy", {"digits": 500}), 0
    )
    shares = [float(right[labels == k].double().mean()) for k in range(10)]
    assert worst.value == pytest.approx(min(shares))
    assert worst.n == int((labels == worst.evidence["worst_class"]).sum())


def test_a_class_without_digits_does_not_pass(lab: Lab) -> None:
    """The worst class is not known where one class has no digit; another that is read badly fails."""
    kept = lab.data.test.labels != 3
    data = dataclasses.replace(lab.data, test=lab.data.test[kept], digests={})
    settings = bind("worst_class_accuracy", {})
    for model, verdict in ((lab.subject, Verdict.INCONCLUSIVE), (constant(), Verdict.FAIL)):
        row = Requirement(id="W", measure="worst_class_accuracy", because="-", at_least=0.5)
        finding = row.judge(take(Lab(model, data), "worst_class_accuracy", settings, 0))
        assert finding.verdict is verdict
        assert ("no digit of class 3" in finding.reason) is (verdict is Verdict.INCONCLUSIVE)


def constant() -> Subject:
    """A model that reads every digit as a zero."""
    return from_model(Constant(), name="constant")


def test_robust_accuracy_is_what_survives(small_lab: Lab) -> None:
    """Robust accuracy counts the survivors of the table, rests on attacks, and bends down along eps."""
    settings = {
        "attack": {"use": "PGD", "steps": 3},
        "threat": {"norm": "linf", "eps": 0.1},
        "digits": 100,
        "curve": [0.0, 0.1, 0.3],
    }
    seen = take(small_lab, "robust_accuracy", bind("robust_accuracy", settings), 0)
    assert seen.value == decoded(seen.evidence["outcomes"]["codes"]).count(".") / 100
    assert (seen.survived, seen.complete, seen.n) == (True, False, 100)
    accuracies = [point["accuracy"] for point in seen.evidence["curve"]]
    assert (
        accuracies[0]
        == int((small_lab.test_logits.argmax(1) == small_lab.data.test.labels).sum()) / 500
    )
    assert accuracies[0] > accuracies[1] > accuracies[2]
