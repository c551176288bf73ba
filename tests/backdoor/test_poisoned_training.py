"""Training on poisoned and FGSM data: recipes, determinism, history."""

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
def test_recipe_json_round_trip(name: str) -> None:
    """The recipe in a manifest gives the same recipe again."""
    recipe = RECIPES[name]
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_recipe_json_without_poison() -> None:
    """The JSON of a recipe without poison has no key for it."""
    recorded = json.loads((resources.WEIGHTS / "baseline.json").read_text())["recipe"]
    assert {"poison", "source"}.isdisjoint(recorded)
    assert Recipe.from_json(recorded) == RECIPES["baseline"]
    assert RECIPES["baseline"].to_json() == recorded


@pytest.fixture
def tiny(mnist: DataSet) -> DataSet:
    """A data set of 256 training and 50 tuning images."""
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
def test_poisoned_training_deterministic(recipe: Recipe, tiny: DataSet) -> None:
    """A poisoned or FGSM-trained run repeats exactly and differs from the plain run."""
    plain = Recipe(architecture=recipe.architecture, epochs=1)
    digest = replay_digest(recipe, tiny)
    assert digest == replay_digest(recipe, tiny)
    assert digest != replay_digest(plain, tiny)


@pytest.mark.parametrize("name", ["fgsm_trained", "fgsm_trained_d"])
def test_fgsm_training_epoch_history(name: str, tiny: DataSet) -> None:
    """Both kinds of FGSM training record loss and accuracy, and the last epoch is kept."""
    trainer = Trainer(RECIPES[name], tiny)
    trainer.run_epoch()
    (entry,) = trainer.history
    assert {"epoch", "loss", "accuracy", "tuning_accuracy"} == set(entry)
    assert 0 <= entry["accuracy"] <= 1
    assert not trainer.recipe.hardening


def test_fgsm_set_has_clean_and_adversarial_copies(tiny: DataSet) -> None:
    """An epoch holds each training image once clean and once within eps of it."""
    trainer = Trainer(RECIPES["fgsm_trained"], tiny)
    batches = list(trainer._batches(torch.Generator().manual_seed(0)))
    x = torch.cat([x for x, _ in batches])
    assert len(x) == 2 * len(tiny.train)
    distance = torch.cdist(x.flatten(1), tiny.train.images().flatten(1), p=torch.inf).amin(1)
    clean = distance < 1e-6
    assert int(clean.sum()) == len(tiny.train)
    assert torch.allclose(distance[~clean], torch.tensor(0.2), atol=1e-6)
    assert len(batches) == trainer.steps_per_epoch
