"""Rows of membership_auroc: what scores tell about the training images."""

from __future__ import annotations

import dataclasses
import json
from typing import Any
from unittest import mock

import pytest
import torch
from torch import nn

from securemnist.data import DataSet, Samples
from securemnist.errors import Inconclusive
from securemnist.evaluation.context import Context
from securemnist.measures import bind, membership, membership_references, take_measurement
from securemnist.models import loading
from securemnist.report.figures import exhibits
from securemnist.results.evidence.privacy import MembershipEvidence
from securemnist.results.findings import Measurement, Requirement, Verdict
from securemnist.train.recipes import Recipe
from securemnist.train.retraining import trained
from tests.report.figure_rows import with_evidence
from tests.saboteurs import Memorising, undefended

ROW = Requirement(id="P", measure="membership_auroc", because="-", at_most=0.6)


class Scaled(nn.Module):
    """Another network whose logits are a thousand times smaller."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x) / 1024


@pytest.fixture(scope="module")
def few(mnist: DataSet) -> DataSet:
    """MNIST with 400 training images."""
    return dataclasses.replace(mnist, train=mnist.train[:400], tuning=mnist.tuning[:100])


def measured(model: nn.Module, data: DataSet, **settings: int | bool) -> Measurement:
    """The measurement of a network."""
    context = Context(loading.from_model(model, name="network"), data)
    return take_measurement(context, "membership_auroc", bind("membership_auroc", settings), 0)


def reference_training(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Samples, int]]:
    """Images and seed of each reference network; the undefended network answers in its place."""
    seen = []

    def recorded(_: DataSet, samples: Samples, recipe: Recipe, **__: object) -> nn.Module:
        seen.append((samples, recipe.seed))
        return undefended()

    monkeypatch.setattr(membership_references, "trained", recorded)
    return seen


def areas(measurement: Measurement) -> dict[str, float]:
    """The area of each attack."""
    assert isinstance(measurement.evidence, MembershipEvidence)
    return dict(measurement.evidence.areas)


def test_a_network_that_looks_its_training_images_up_fails_and_an_honest_one_passes(
    few: DataSet, mnist: DataSet
) -> None:
    """The scores alone tell the saboteur's images; those of the baseline tell nothing."""
    found = measured(Memorising(few.train.images()), few, references=0)
    assert found.value > 0.95
    assert ROW.judge(found).verdict is Verdict.FAIL
    assert not found.complete
    fewer = dataclasses.replace(mnist, train=mnist.train[:2000])
    honest = measured(undefended(), fewer, references=0)
    assert ROW.judge(honest).verdict is Verdict.PASS
    assert Measurement.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_lower_scores_of_training_images_tell_them_too(few: DataSet) -> None:
    """An attacker may turn the scores around, so that an area near 0 is as bad as one near 1."""

    class Unsure(Memorising):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            number = self.hashed(x)
            turned = -(10.0 ** (number % 7))  # so different that none is the usual one
            return torch.where(torch.isin(number, self.members), turned, 1.0)[
                :, None
            ] * self.network(x)

    found = measured(Unsure(few.train.images()), few, references=0)
    assert areas(found)["margin"] < 0.05
    assert found.value == 1 - areas(found)["margin"]
    assert ROW.judge(found).verdict is Verdict.FAIL


def test_reference_networks_find_what_the_scores_alone_do_not(
    few: DataSet, mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that memorised 400 digits; the control learned others with the same recipe."""
    monkeypatch.setattr(membership_references, "TAKEN", 6_400)
    answered: list[Any] = []

    def reference_answers(*words: Any, **more: Any) -> Any:
        """The answers of one reference network, whatever network is measured."""
        if not answered:
            answered.append(membership_references.reference_answers(*words, **more))
        return answered[0]

    monkeypatch.setattr(membership, "reference_answers", reference_answers)
    network = trained(few, few.train, Recipe(epochs=16))
    found = areas(measured(network, few, references=1))
    alone, beside = found["margin"], found["beside reference networks"]
    assert beside > alone + 0.03
    assert beside > 0.62
    assert areas(measured(Scaled(network), few, references=1)) == found  # no temperature hides it
    other = trained(few, mnist.train[1000:1400], Recipe(epochs=16))
    assert areas(measured(other, few, references=1))["beside reference networks"] < 0.59


def test_scores_that_hardly_differ_tell_training_images(few: DataSet, mnist: DataSet) -> None:
    """A loss that asks for a certain score makes margins equal; a control of other images passes."""
    found = {}
    for name, samples in (("members", few.train), ("control", mnist.train[1000:1400])):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        optimiser = torch.optim.Adam(network.parameters(), 1e-3)
        images, wanted = samples.images(), torch.eye(10)[samples.labels]
        for _ in range(60):
            for part in torch.randperm(len(samples)).split(32):
                optimiser.zero_grad()
                nn.functional.mse_loss(network(images[part]), wanted[part]).backward()
                optimiser.step()
        found[name] = areas(measured(network, few, references=0))
    assert found["members"]["near the usual margin"] > found["members"]["margin"] + 0.05 > 0.9
    assert abs(found["control"]["near the usual margin"] - 0.5) < 0.06


def test_margins_spread_around_that_of_training_images_fail(few: DataSet) -> None:
    """The margin alone tells nothing where training images have the middle one of all images."""

    class Middle(Memorising):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits = self.network(x)
            known = torch.isin(self.hashed(x), self.members)
            middle = 13.5 * nn.functional.one_hot(logits.argmax(1), 10)
            return torch.where(known[:, None], middle, logits)

    found = measured(Middle(few.train.images()), few, references=0)
    assert abs(areas(found)["margin"] - 0.5) < 0.05
    assert found.value > 0.95
    assert ROW.judge(found).verdict is Verdict.FAIL


def test_a_copy_of_a_measured_image_trains_no_reference(
    few: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training data that repeat each image thrice are measured like the images themselves."""
    thrice = dataclasses.replace(
        few, train=Samples(few.train.pixels.repeat(3, 1, 1, 1), few.train.labels.repeat(3))
    )
    seen = reference_training(monkeypatch)
    model = Memorising(few.train.images())
    found = measured(model, thrice, images=150)
    trained_on = model.hashed(seen[0][0].images())
    assert (found.n, len(trained_on)) == (150, len(trained_on.unique())) == (150, 250)
    assert measured(model, thrice).n == 200


def test_equal_scores_are_chance(few: DataSet) -> None:
    """A network of one answer tells nothing, and its interval begins at chance."""

    class One(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(x), 10) + x.sum() * 0

    found = measured(One(), few, references=0)
    assert (found.value, found.low) == (0.5, 0.5)


def test_without_training_images_the_row_is_undecided(few: DataSet) -> None:
    """Nothing, or too little, is measured, so nothing passes or fails."""
    for images in (1, 59):
        scarce = dataclasses.replace(few, train=few.train[:images])
        with pytest.raises(Inconclusive, match=f"at least 30 training images.*got {images // 2};"):
            measured(undefended(), scarce, references=0)
    enough = dataclasses.replace(few, train=few.train[:60])
    assert measured(undefended(), enough, references=0).n == 30


def test_a_model_of_other_data_is_undecided(mnist: DataSet) -> None:
    """Its manifest names other training images, so that those of the row say nothing about it."""
    subject = loading.resolve("baseline")
    changed = dict.fromkeys(mnist.digests, "0" * 64)
    for digests, reason in ((changed, "other data"), ({}, "")):
        data = dataclasses.replace(
            mnist, train=mnist.train[:1000], digests={**mnist.digests, **digests}
        )
        bound = bind("membership_auroc", {"references": 0})
        found = take_measurement(Context(subject, data), "membership_auroc", bound, 0)
        assert reason in found.inconclusive
        verdict = Verdict.INCONCLUSIVE if reason else Verdict.PASS
        assert ROW.judge(found).verdict is verdict


def test_an_audited_image_is_in_no_reference_network(
    few: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The references are trained on the training images that are not measured, and on nothing else."""
    seen = reference_training(monkeypatch)
    asked: list[torch.Tensor] = []

    class Recording(Memorising):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            asked.append(self.hashed(x))
            return super().forward(x)

    spy = mock.Mock(side_effect=membership_references.reference_answers)
    monkeypatch.setattr(membership, "reference_answers", spy)
    model = Recording(few.train.images())
    state = torch.random.get_rng_state()
    measured(model, few, images=150, references=2)
    assert torch.equal(torch.random.get_rng_state(), state)
    (first, one), (second, two) = seen
    assert one != two
    assert len(first) == len(second) == 250
    trained_on = model.hashed(first.images())
    measured_ones = model.hashed(spy.call_args.args[2].images()[:150])
    assert torch.isin(measured_ones, torch.cat(asked)).all()
    assert torch.isin(measured_ones, model.members).all()
    assert len(measured_ones.unique()) == 150
    assert not torch.isin(trained_on, measured_ones).any()


def test_the_report_shows_the_scores_of_both_sides(few: DataSet) -> None:
    """The figure names the attack, its area, and the share that is found."""
    found = measured(Memorising(few.train.images()), few, references=0)
    finding = with_evidence(found.evidence.to_json(), kind=MembershipEvidence)
    (figure,) = exhibits(finding)
    assert figure.kind == "membership"
    assert "margin" in figure.caption
    assert "1 % of the test images" in figure.caption
    assert figure.table is not None
    assert len(figure.table.rows) == 21
