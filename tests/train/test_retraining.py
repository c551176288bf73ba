"""Retraining after the data filter: what an attack reaches before and after, beside the controls."""

from __future__ import annotations

import dataclasses

import torch

from securemnist.backdoor import CleanLabel, Corner, DirtyLabel, HardenedCleanLabel, LabelFlip
from securemnist.data import DataSet
from securemnist.train.recipes import Recipe
from securemnist.train.retraining import Trial, retrained
from tests.saboteurs import Backdoored

COUNT = 600


def test_success_of_the_attack_before_and_after(mnist: DataSet) -> None:
    """The attack works before the filter and after a random one, and fails after the other two."""
    poison = DirtyLabel(trigger=Corner(), target=7, rate=0.1)
    trial = Trial.of(poison, mnist.train[:COUNT], 10, seed=0)
    assert trial.planted is not None
    data = dataclasses.replace(mnist, test=mnist.test[:300], tuning=mnist.tuning[:10])
    before = Backdoored(Corner(), lambda clean: torch.full_like(clean, 7))
    arms = retrained(data, trial, trial.planted, Recipe(epochs=1), before, seed=0)
    success = {arm.name: arm.success or 0.0 for arm in arms}
    assert success["no filter"] == 1.0
    assert success["a random filter"] > 0.5
    assert max(success["the filter"], success["a perfect filter"]) < 0.2
    assert {arm.images for arm in arms} == {COUNT, COUNT - 60}


def test_the_attack_that_a_poison_prepares(mnist: DataSet) -> None:
    """Clean-label poison aims at its class for all others; flipped labels have no trigger."""
    samples = mnist.train[:COUNT]
    naive = CleanLabel(trigger=Corner(), target=4, count=5)
    hardened = HardenedCleanLabel(
        trigger=Corner(), target=4, count=5, eps=0.1, steps=1, model="baseline"
    )
    for poison in (naive, hardened):
        aimed = Trial.of(poison, samples, 10, seed=0)
        assert aimed.targets is not None
        assert aimed.targets.table.tolist() == [4] * 10
        assert torch.equal(aimed.samples.labels, samples.labels)
    flipped = Trial.of(LabelFlip(source=3, target=8, count=5), samples, 10, seed=0)
    assert flipped.trigger is None
