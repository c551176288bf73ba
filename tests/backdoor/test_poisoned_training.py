"""Recipes and runs on poisoned and attacked digits: stored, repeated, deterministic."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from securemnist._util import resources
from securemnist.backdoor import Corner, DirtyLabel
from securemnist.data import DataSet
from securemnist.train import RECIPES, Recipe, replay_digest
from securemnist.train.loop import Trainer


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_json(name: str) -> None:
    """What a manifest records of a recipe gives the same recipe again."""
    recipe = RECIPES[name]
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_older_manifests_read_as_before() -> None:
    """A recipe without poison is recorded as it was before there was any."""
    recorded = json.loads((resources.WEIGHTS / "baseline.json").read_text())["recipe"]
    assert {"poison", "source"}.isdisjoint(recorded)
    assert Recipe.from_json(recorded) == RECIPES["baseline"]
    assert RECIPES["baseline"].to_json() == recorded


@pytest.fixture
def tiny(mnist: DataSet) -> DataSet:
    """A data set of 256 training and 50 tuning digits."""
    return dataclasses.replace(mnist, train=mnist.train[:256], tuning=mnist.tuning[:50])


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(epochs=1, poison=DirtyLabel(trigger=Corner(), target=7, rate=0.5)),
        Recipe(epochs=1, adversary="fgsm_set", source="baseline", eps=0.2),
        Recipe(architecture="D", epochs=1, adversary="fgsm_trainer", eps=0.25),
    ],
    ids=["poison", "fgsm_set", "fgsm_trainer"],
)
def test_training_on_it_is_deterministic_and_different(recipe: Recipe, tiny: DataSet) -> None:
    """A poisoned or FGSM-trained run repeats itself exactly and is not the plain run."""
    plain = Recipe(architecture=recipe.architecture, epochs=1)
    digest = replay_digest(recipe, tiny)
    assert digest == replay_digest(recipe, tiny)
    assert digest != replay_digest(plain, tiny)


@pytest.mark.parametrize("name", ["fgsm_trained", "fgsm_trained_d"])
def test_an_epoch_in_the_sources_manner_ends_in_history(name: str, tiny: DataSet) -> None:
    """Both ways of FGSM training finish an epoch, tell loss and accuracy, and are kept to the last."""
    trainer = Trainer(RECIPES[name], tiny)
    trainer.run_epoch()
    (entry,) = trainer.history
    assert {"epoch", "loss", "accuracy", "tuning_accuracy"} == set(entry)
    assert 0 <= entry["accuracy"] <= 1
    assert not trainer.recipe.hardening


def test_every_digit_comes_clean_and_attacked(tiny: DataSet) -> None:
    """An epoch on an FGSM set holds each training digit once as it is and once within eps of it."""
    trainer = Trainer(RECIPES["fgsm_trained"], tiny)
    batches = list(trainer._batches(torch.Generator().manual_seed(0)))
    x = torch.cat([x for x, _ in batches])
    assert len(x) == 2 * len(tiny.train)
    distance = torch.cdist(x.flatten(1), tiny.train.images().flatten(1), p=torch.inf).amin(1)
    clean = distance < 1e-6
    assert int(clean.sum()) == len(tiny.train)
    assert torch.allclose(distance[~clean], torch.tensor(0.2), atol=1e-6)
    assert len(batches) == trainer.steps_per_epoch
