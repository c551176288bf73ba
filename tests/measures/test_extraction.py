"""Rows of extraction_agreement: how far a copy agrees that learned the model's answers.

On the 8x8 digits of scikit-learn, where a copy takes a second.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from securemnist.data import DataSet
from securemnist.errors import Inconclusive
from securemnist.evaluation.context import Context
from securemnist.measures import bind, extraction_copy, take_measurement
from securemnist.measures.extraction_attack import REFERENCE
from securemnist.measures.extraction_copy import targets
from securemnist.models import loading
from securemnist.models.architectures import build
from securemnist.report.figures import exhibits
from securemnist.results.evidence.privacy import ExtractionEvidence
from securemnist.results.findings import Measurement, Requirement, Verdict
from tests.report.figure_rows import with_evidence
from tests.tasks import as_images, photographs, small_digits, trained

Measured = Callable[..., Measurement]


def row(at_most: float) -> Requirement:
    """A row with this threshold."""
    return Requirement(id="P", measure="extraction_agreement", because="-", at_most=at_most)


class Changed(nn.Module):
    """A network whose logits (n, K) another function of images and logits replaces."""

    def __init__(self, network: nn.Module, change: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.network, self.change = network, change

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.change(x, self.network(x))


def chaos(x: torch.Tensor) -> torch.Tensor:
    """A number in [0, 1) of each image that no network can learn, (n,)."""
    weights = torch.sin(12.9898 * torch.arange(x[0].numel()).double()) * 43758.5453
    return (x.flatten(1).double() * weights).sum(1).remainder(1)


def at_random(share: float) -> Callable[..., torch.Tensor]:
    """Answers of which this share is a class by the pixels, the same for equal images."""

    def change(x: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        number = chaos(x)
        other = 20 * F.one_hot((number * 1e6).long() % 10, 10).float()
        return torch.where(number[:, None] < share, other, logits)

    return change


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks see fewer images than in a row; these are small."""
    monkeypatch.setattr(extraction_copy, "TAKEN", 10_000)


@pytest.fixture(scope="module")
def digits() -> DataSet:
    """997 training and 800 test images."""
    arrays = small_digits()
    x = torch.cat([as_images(arrays["x_train"]), as_images(arrays["x_test"])])
    y = torch.cat([torch.from_numpy(arrays[name]) for name in ("y_train", "y_test")])
    return DataSet.from_tensors(x[997:], y[997:], training=(x[:997], y[:997]), classes=10)


@pytest.fixture(scope="module")
def network(digits: DataSet) -> nn.Module:
    """Network A, trained on these images."""
    train = digits.train
    return trained(lambda: build("A", digits.spec), train.images(), train.labels, 15)


@pytest.fixture(scope="module")
def measured(digits: DataSet) -> Measured:
    """The measurement of a model by 600 queries; the networks of the control are trained once."""
    controls: dict[Any, Any] = {}

    def measure(model: nn.Module, data: DataSet = digits, **settings: Any) -> Measurement:
        context = Context(loading.from_model(model, name="network"), data)
        context.cache.update(controls if data is digits else {})
        bound = bind("extraction_agreement", {"queries": 600, **settings})
        found = take_measurement(context, "extraction_agreement", bound, 0)
        if data is digits:
            controls.update({k: v for k, v in context.cache.items() if k[0] == REFERENCE})
        return found

    return measure


def shown(found: Measurement) -> ExtractionEvidence:
    """Its evidence."""
    assert isinstance(found.evidence, ExtractionEvidence)
    return found.evidence


def undecided(found: Measurement, reason: str) -> None:
    """A low agreement that proves nothing: no threshold above it gives a pass."""
    assert found.value < 0.93
    assert reason in found.inconclusive
    assert row(0.95).judge(found).verdict is Verdict.INCONCLUSIVE


def test_an_undefended_network_is_copied(network: nn.Module, measured: Measured) -> None:
    """By scores and by classes; the evidence says what the copy is worth, and the report shows it."""
    state = torch.random.get_rng_state()
    found = measured(network)
    assert torch.equal(torch.random.get_rng_state(), state)
    evidence = shown(found)
    assert found.value > 0.96
    assert row(0.9).judge(found).verdict is Verdict.FAIL
    # A copy as good as that of the control is no merit of the model.
    assert "not copied clearly better" in found.inconclusive
    assert row(0.999).judge(found).verdict is Verdict.INCONCLUSIVE
    assert evidence.reference is not None
    assert evidence.reference > 0.94
    assert evidence.chance is not None
    assert evidence.chance < 0.15
    assert evidence.transferred is not None
    assert evidence.transferred > 0.7
    assert Measurement.from_json(json.loads(json.dumps(found.to_json()))) == found
    (figure,) = exhibits(with_evidence(evidence.to_json(), kind=ExtractionEvidence))
    assert "600 answers" in figure.caption
    classes = measured(network, labels_only=True)
    assert classes.value > 0.95
    assert list(shown(classes).agreements) == ["labels"]


def test_neither_scale_nor_rounding_hides_the_scores(
    network: nn.Module, measured: Measured
) -> None:
    """Logits a thousand times smaller, and probabilities of two decimals, are copied as well."""
    scaled = measured(Changed(network, lambda _, logits: logits / 1024))
    assert scaled.value > 0.95
    rounded = measured(Changed(network, lambda _, logits: (100 * logits.softmax(1)).round() / 100))
    assert rounded.value > 0.95


def test_scores_that_are_ties_are_labels(network: nn.Module, digits: DataSet) -> None:
    """A model that answers classes alone is learned as such; softened scores keep their order."""
    logits = network(digits.test.images())
    classes = F.one_hot(logits.argmax(1), 10).float()
    for labels_only in (False, True):
        assert torch.equal(targets(0 * logits, labels_only=labels_only)[:, 0], torch.ones(800))
    assert torch.equal(targets(logits, labels_only=True), classes)
    soft = targets(logits, labels_only=False)
    assert torch.equal(soft.argmax(1), logits.argmax(1))
    assert 0.2 < float(soft.amax(1).median()) < 0.95


def test_one_answer_for_all_images_is_copied_whole(network: nn.Module, measured: Measured) -> None:
    """The agreement is 1, which is that of the most frequent class."""
    found = measured(
        Changed(network, lambda _, logits: F.one_hot(0 * logits.argmax(1), 10).float())
    )
    assert found.value == shown(found).chance == 1
    assert row(0.99).judge(found).verdict is Verdict.FAIL


def test_answers_at_random_are_no_protection(network: nn.Module, measured: Measured) -> None:
    """A copy of a network that answers a fifth at random is right more often; of all, nothing is left."""
    fifth = measured(Changed(network, at_random(0.2)))
    undecided(fifth, "right about as often as the model")
    # Scores gave a worse copy than that of the control, so classes were tried, too.
    agreements = shown(fifth).agreements
    assert set(agreements) == {"scores", "labels"}
    assert fifth.value == max(agreements.values())
    undecided(measured(Changed(network, at_random(1.0))), "there is nothing to copy")


def test_answers_that_vary_decide_nothing(network: nn.Module, measured: Measured) -> None:
    """Not declared, they are in doubt; declared, they are compared by their mean, which is copied."""
    noisy = Changed(network, lambda _, logits: logits + 8 * torch.randn_like(logits))
    undecided(measured(noisy), "variation")
    declared = measured(noisy, randomised=True)
    assert declared.value > 0.75
    undecided(declared, "right about as often as the model")


def test_a_model_that_misleads_the_attacker_alone_is_undecided(
    digits: DataSet, network: nn.Module, measured: Measured
) -> None:
    """It knows its training images, and answers them wrong: other images would tell more."""
    known = chaos(digits.train.images())

    def change(x: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        return torch.where(torch.isin(chaos(x), known)[:, None], logits.roll(1, 1), logits)

    undecided(measured(Changed(network, change)), "other images may tell more")


def test_a_weak_attack_decides_nothing(network: nn.Module, measured: Measured) -> None:
    """By 20 answers nothing is copied, not even the control."""
    undecided(measured(network, queries=20), "raise `queries`")


def test_a_model_that_no_network_learns_passes(digits: DataSet, measured: Measured) -> None:
    """It knows the labels, of which a quarter are by the pixels: copies learn the others at most."""
    images = torch.cat([digits.train.images(), digits.test.images()])
    labels = torch.cat([digits.train.labels, digits.test.labels])
    number = chaos(images)
    labels = torch.where(number < 0.25, (number * 1e6).long() % 10, labels)
    n = len(digits.train)
    noisy = DataSet.from_tensors(
        images[n:], labels[n:], training=(images[:n], labels[:n]), classes=10
    )

    class Known(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            place = (chaos(x)[:, None] == number).int().argmax(1)
            return 10 * F.one_hot(labels[place], 10) + 0 * x.sum()

    found = measured(Known(), noisy)
    assert found.inconclusive == ""
    assert 0.6 < found.value < 0.85
    assert row(0.9).judge(found).verdict is Verdict.PASS


def test_colour_images_of_few_classes(measured: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photographs of 3x32x32 in six classes; the copy has their form."""
    monkeypatch.setattr(extraction_copy, "TAKEN", 2_000)
    arrays = photographs()
    pairs = [(as_images(arrays[f"x_{s}"]), arrays[f"y_{s}"]) for s in ("test", "train")]
    data = DataSet.from_tensors(*pairs[0], training=pairs[1], classes=6)
    network = trained(lambda: build("A", data.spec), data.train.images(), data.train.labels, 1)
    found = measured(network, data, queries=300, eps=0.05)
    assert found.n == 100
    assert found.value > shown(found).chance + 0.3  # type: ignore[operator]


def test_fewer_images_than_queries_are_undecided(network: nn.Module, measured: Measured) -> None:
    """The attacker of the row would have more answers than could be asked for."""
    with pytest.raises(Inconclusive, match="expected at least 998 different training images"):
        measured(network, queries=998)
