"""`train_model`: networks by a recipe, poisoned ones too, for a notebook."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

import securemnist as sm
from securemnist.errors import DataError, UsageError

RECIPE = sm.Recipe(architecture="D", epochs=2, batch=64)


@pytest.fixture
def data(mnist: sm.DataSet) -> sm.DataSet:
    """256 training, 50 tuning and 60 test images."""
    return dataclasses.replace(
        mnist, train=mnist.train[:256], tuning=mnist.tuning[:50], test=mnist.test[:60]
    )


def test_a_recipe_gives_one_network(data: sm.DataSet) -> None:
    """Two trainings agree, leave the random generators alone, and the network can be measured."""
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second = (sm.train_model(RECIPE, data, progress=False) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.manifest["sha256"] == second.manifest["sha256"]
    assert [epoch["epoch"] for epoch in first.history] == [1, 2]
    assert first.history[-1]["loss"] < first.history[0]["loss"]
    assert not first.model.training
    found = sm.measure("clean_accuracy", first.model, data, images=60, progress=False)
    assert found.n == 60


def test_poison_and_number_of_images_change_the_network(data: sm.DataSet) -> None:
    """A poisoned training, and one on fewer images, give other networks and say so."""
    poison = sm.DirtyLabel(trigger=sm.Corner(), target=7, rate=0.5)
    recipe = dataclasses.replace(RECIPE, epochs=1, poison=poison)
    poisoned = sm.train_model(recipe, data, progress=False)
    fewer = sm.train_model(recipe, data, images=128, progress=False)
    assert poisoned.manifest["sha256"] != fewer.manifest["sha256"]
    assert poisoned.manifest["recipe"]["poison"]["target"] == 7
    assert "the first 128 of 256 training images" in fewer.manifest["data"]["name"]
    assert len(fewer.manifest["data"]["digests"]) == 1 + len(data.digests)


def test_files_of_a_training_are_kept_where_asked(data: sm.DataSet, tmp_path: Path) -> None:
    """With a folder the weights can be named as a SPEC; the network is the same."""
    recipe = dataclasses.replace(RECIPE, epochs=1)
    kept = sm.train_model(recipe, data, folder=tmp_path / "nets", name="mine", progress=False)
    x = data.test.images()
    attack = sm.FGSM()(str(tmp_path / "nets" / "mine.safetensors"), x, data.test.labels,
                       threat=sm.Linf(0.1), progress=False)  # fmt: skip
    same = sm.FGSM()(kept.model, x, data.test.labels, threat=sm.Linf(0.1), progress=False)
    assert torch.equal(attack.images, same.images)


def test_a_training_is_shown(data: sm.DataSet) -> None:
    """A training is one line, and a card with a row for each epoch."""
    trained = sm.train_model(RECIPE, data, progress=False)
    assert repr(trained).startswith("<Training: network D, epoch 2 of 2, loss ")
    card = trained._repr_html_()
    for epoch in trained.history:
        assert f"loss {epoch['loss']:.4f}" in card


@pytest.mark.parametrize(
    ("recipe", "words", "message"),
    [
        ("unknown", {}, "expected one of the recipes"),
        (7, {}, "expected a Recipe or the name of one, got int"),
        (RECIPE, {"images": 0}, "expected 1 to 256 training images"),
        (RECIPE, {"images": 257}, "expected 1 to 256 training images"),
        (RECIPE, {"data": "nowhere"}, "nowhere"),
    ],
    ids=["name", "type", "none", "many", "path"],
)
def test_wrong_input_is_refused(
    recipe: Any, words: dict[str, Any], message: str, data: sm.DataSet
) -> None:
    """A recipe, number or path that does not fit is refused in one sentence."""
    with pytest.raises((UsageError, DataError), match=message):
        sm.train_model(recipe, **{"data": data, "progress": False, **words})
