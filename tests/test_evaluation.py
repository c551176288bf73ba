"""Evaluation: the model contract, samples, the outcome table, and what attacks may not do."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from securemnist.attacks.base import Attack
from securemnist.attacks.fgsm import FGSM
from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.errors import Inconclusive, MeasureError, ModelError, UsageError
from securemnist.evaluation.lab import Lab, Sample
from securemnist.evaluation.ladder import Evaluation, evaluate
from securemnist.evaluation.outcomes import (
    CERTIFIED,
    MISCLASSIFIED,
    NOT_ATTEMPTED,
    Fall,
    Outcomes,
    per_class,
)
from securemnist.evaluation.pictures import GALLERY
from securemnist.measures import bind, take
from securemnist.stats import share_interval
from securemnist.subjects import Subject, from_model
from securemnist.threats import Linf
from tests.wording import one_sentence

Images = torch.Tensor


@final
class Odd(nn.Module):
    """A network whose answer is worked out by a function."""

    def __init__(self, answer: Callable[[Images], Any]) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, x: Images) -> Any:
        return self.answer(x)


def raising(_: Images) -> None:
    raise RuntimeError("mat1 and mat2 cannot be multiplied\nand more")


def not_finite(number: float) -> Callable[[Images], Images]:
    """Logits with one number that is none, on the last digit."""

    def answer(x: Images) -> Images:
        logits = torch.zeros(len(x), 10)
        logits[-1, 3] = number
        return logits

    return answer


CONTRACT: dict[str, tuple[Callable[[Images], Any], str]] = {
    "raises": (raising, "it raised RuntimeError (mat1 and mat2 cannot be multiplied)"),
    "nine classes": (lambda x: torch.zeros(len(x), 9), "logits (1, 10), got (1, 9)"),
    "no batch": (lambda _: torch.zeros(10), "logits (1, 10), got (10,)"),
    "one digit at a time": (lambda _: torch.zeros(1, 10), "logits (8, 10), got (1, 10)"),
    "a batch squeezed": (lambda x: torch.zeros(len(x), 10).squeeze(), "got (10,)"),
    "integers": (
        lambda x: torch.zeros(len(x), 10).long(),
        "floating-point logits, got torch.int64",
    ),
    "NaN": (not_finite(torch.nan), "expected finite logits"),
    "infinity": (not_finite(-torch.inf), "expected finite logits"),
    "changes its input": (lambda x: x.mul_(2).flatten(1)[:, :10], "it was changed in place"),
    "a tuple": (lambda x: (torch.zeros(len(x), 10),), "expected a tensor, got tuple"),
    "nothing": (lambda _: None, "expected a tensor, got NoneType"),
    "a list": (lambda x: torch.zeros(len(x), 10).tolist(), "expected a tensor, got list"),
}


@pytest.mark.parametrize("name", CONTRACT)
def test_the_model_contract(name: str, mnist: DataSet) -> None:
    """A model that breaks the contract is refused with one sentence, before anything is measured."""
    answer, words = CONTRACT[name]
    with pytest.raises(ModelError) as caught:
        Lab(from_model(Odd(answer), name="my.nets:odd"), mnist)
    text = one_sentence(caught.value)
    assert text.startswith("my.nets:odd: ")
    assert words in text


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_logits_of_any_precision_serve(dtype: torch.dtype, mnist: DataSet) -> None:
    """Floating-point logits of every precision keep the contract, and are read as float32."""
    subject = from_model(Odd(lambda x: x.flatten(1)[:, :10].to(dtype)), name="net")
    assert Lab(subject, mnist).logits(mnist.test[:3].images()).dtype == torch.float32


def test_a_model_that_fails_later_is_refused(mnist: DataSet) -> None:
    """NaN on digits that the contract did not look at is no answer, and never counts as class 0."""
    subject = from_model(Odd(lambda x: x.flatten(1)[:, 300:310] / 0), name="net")
    small = dataclasses.replace(mnist, test=mnist.test[:8])
    blank = dataclasses.replace(small.test, pixels=torch.full((8, 28, 28), 255, dtype=torch.uint8))
    with pytest.raises(ModelError, match="expected finite logits"):
        Lab(subject, dataclasses.replace(small, test=blank))
    late = from_model(Odd(lambda x: x.flatten(1)[:, :10] / (len(x) <= 8)), name="net")
    with pytest.raises(ModelError, match="for 100 of 100 digits"):
        Lab(late, mnist).logits(mnist.test[:100].images())


@given(sizes=st.tuples(st.integers(1, 9_999), st.integers(1, 9_999)), seed=st.integers(0, 5))
def test_samples_are_nested(lab: Lab, sizes: tuple[int, int], seed: int) -> None:
    """Of one seed the larger sample begins with the smaller, and no digit is in it twice."""
    small, large = (lab.sample(min(size, 500), seed) for size in sorted(sizes))
    assert torch.equal(large.places[: len(small)], small.places)
    assert torch.equal(large.x[: len(small)], small.x)
    assert len(large.places.unique()) == len(large)
    assert not small.complete


def test_samples_differ_between_seeds(lab: Lab) -> None:
    """Another seed draws other digits, and a digit arrives with its own label and place."""
    first, second = lab.sample(100, 0), lab.sample(100, 1)
    assert not torch.equal(first.places, second.places)
    assert torch.equal(first.y, lab.data.test.labels[first.places])
    assert torch.equal(first.x, lab.data.test[first.places].images())


def test_all_digits_are_the_complete_set(lab: Lab) -> None:
    """As many digits as there are is the complete set, in the order of the file, whatever the seed."""
    every = lab.sample(10_000, 7)
    assert every.complete
    assert torch.equal(every.places, torch.arange(10_000))
    assert not lab.sample(9_999, 7).complete


@pytest.mark.parametrize("digits", [0, -1, 10_001])
def test_more_digits_than_there_are(lab: Lab, digits: int) -> None:
    """A sample of no digits, or of more than exist, is one UsageError."""
    with pytest.raises(UsageError, match=f"expected 1 to 10000 .*got {digits}") as caught:
        lab.sample(digits, 0)
    one_sentence(caught.value)


@final
@dataclass(frozen=True, kw_only=True)
class Puts(Attack):
    """Proposes an image of one grey for the first `share` of the digits, the digit itself for others."""

    grey: float = 0.0
    share: float = 1.0
    keeps_budget: ClassVar[bool] = True

    def __call__(self, model: Any, x: Images, y: Any, **_: Any) -> Images:
        proposals = x.clone()
        proposals[: round(self.share * len(x))] = self.grey
        return proposals

    def passes(self) -> float:
        return 0


@final
@dataclass(frozen=True, kw_only=True)
class Foreign(Attack):
    """A library's attack: as `Puts`, but its proposals may leave the budget."""

    share: float = 1.0
    keeps_budget: ClassVar[bool] = False

    def __call__(self, model: Any, x: Images, y: Any, **_: Any) -> Images:
        return Puts(grey=0.5, share=self.share)(model, x, y)

    def passes(self) -> float:
        return 0


@final
@dataclass(frozen=True, kw_only=True)
class Shapeless(Attack):
    """Proposes flat images."""

    def __call__(self, model: Any, x: Images, y: Any, **_: Any) -> Images:
        return x.flatten(1)

    def passes(self) -> float:
        return 0


def test_an_attack_of_ours_that_leaves_the_budget(lab: Lab) -> None:
    """A single proposal of ours over budget is a MeasureError: it is our error, not the model's."""
    sample = lab.sample(50, 0)
    with pytest.raises(MeasureError, match="got 1 outside") as caught:
        evaluate(lab, sample, [Puts(grey=0.5, share=1 / 50)], Linf(0.1), 0)
    one_sentence(caught.value)
    with pytest.raises(MeasureError, match="mend the attack"):
        evaluate(lab, sample, [Shapeless()], Linf(0.1), 0)


def test_a_library_that_leaves_the_budget(lab: Lab) -> None:
    """Proposals of a library over budget do not count, and are counted; the rest is measured."""
    sample = lab.sample(50, 0)
    outcomes = evaluate(lab, sample, [Foreign(share=0.4)], Linf(0.1), 0).outcomes
    (fall,) = outcomes.waterfall
    assert fall.entered - fall.over_budget == fall.entered - round(0.4 * fall.entered)
    assert fall.fell == 0
    assert outcomes.standing == fall.entered


def test_no_valid_proposal_teaches_nothing(lab: Lab) -> None:
    """Where every proposal is over budget, the evaluation is inconclusive instead of a survival."""
    with pytest.raises(Inconclusive, match="gave no valid proposal") as caught:
        evaluate(lab, lab.sample(50, 0), [Foreign()], Linf(0.1), 0)
    one_sentence(caught.value)


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
    by_fgsm = FGSM()(baseline.model, sample.x, sample.y, threat=Linf(0.15), rng=rng)
    falls_at_once = baseline.model(by_fgsm).argmax(1) != sample.y
    codes = found.outcomes.evidence()["outcomes"]["codes"]
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
    codes = found.outcomes.evidence()["outcomes"]["codes"]
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
    assert evidence["outcomes"]["labels"] == "".join(map(str, found.sample.y.tolist()))
    rates = per_class(evidence["confusion"])
    assert rates[3] == table[3, 3] / table[3].sum()


def test_codes_of_every_kind() -> None:
    """Certified digits stand, digits not attempted do not, and stages beyond the tenth are letters."""
    labels = torch.arange(5)
    outcomes = Outcomes(labels, torch.tensor([0, 1, 2, 3, 9]), "all 5")
    outcomes.codes[0], outcomes.codes[1] = CERTIFIED, NOT_ATTEMPTED
    for stage in range(12):
        broken = torch.tensor([2] if stage == 11 else [], dtype=torch.long)
        outcomes.record(Fall(f"s{stage}", 1, len(broken), 0, 0.0), broken, broken)
    assert outcomes.evidence()["outcomes"]["codes"] == "c?b.x"
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
    assert outcomes.evidence()["outcomes"]["codes"] == "x" * 20
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


def test_robust_accuracy_is_what_survives(small_lab: Lab) -> None:
    """Robust accuracy counts the survivors of the table, rests on attacks, and bends down along eps."""
    settings = {
        "attack": {"use": "PGD", "steps": 3},
        "threat": {"norm": "linf", "eps": 0.1},
        "digits": 200,
        "curve": [0.0, 0.1, 0.3],
    }
    seen = take(small_lab, "robust_accuracy", bind("robust_accuracy", settings), 0)
    assert seen.value == seen.evidence["outcomes"]["codes"].count(".") / 200
    assert (seen.survived, seen.complete, seen.n) == (True, False, 200)
    accuracies = [point["accuracy"] for point in seen.evidence["curve"]]
    assert (
        accuracies[0]
        == int((small_lab.test_logits.argmax(1) == small_lab.data.test.labels).sum()) / 500
    )
    assert accuracies[0] > accuracies[1] > accuracies[2]
