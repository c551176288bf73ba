"""Training on images of another form."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from securemnist.data import DataSet
from securemnist.errors import DataError, ModelError, UsageError
from securemnist.models import loading
from securemnist.train import RECIPES, Recipe, train


def bright(classes: int = 3) -> DataSet:
    """Colour images of 12x16, whose brightness is their class."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(240) % classes
    x = 0.2 * torch.rand((240, 3, 12, 16), generator=rng) + labels.view(-1, 1, 1, 1) / (classes + 1)
    return DataSet.from_tensors(
        x[:60], labels[:60], training=(x[60:], labels[60:]), classes=classes
    )


@pytest.mark.parametrize("adversary", ["", "fgsm"])
def test_network_of_the_form_of_the_data(adversary: str, tmp_path: Path) -> None:
    """A recipe of architecture A trains on colour images, and its weights are read again by path."""
    data = bright()
    recipe = Recipe(epochs=12, batch=16, learning_rate=3e-3, adversary=adversary, eps=4 / 255)
    manifest = train("own", recipe, data, tmp_path)
    assert manifest["spec"] == data.spec.to_json()
    subject = loading.resolve(str(tmp_path / "own.safetensors"), input_spec=data.spec)
    x, y = data.test.images(), data.test.labels
    assert float((subject.model(x).argmax(1) == y).float().mean()) > 0.8


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("certified", ModelError, "for architecture S, got 3x12x16, 3 classes; use architecture A"),
        ("network_c", ModelError, "for architecture C, got"),
        ("fgsm_trained", UsageError, "a recipe with the source baseline, got"),
        ("poisoned_dirty", UsageError, "a poison target below 3"),
    ],
)
def test_recipe_of_mnist_is_refused(
    name: str, error: type[Exception], words: str, tmp_path: Path
) -> None:
    """A recipe whose network, source or poison is MNIST's is refused before it starts."""
    with pytest.raises(error, match=words):
        train(name, RECIPES[name], bright(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_data_without_training_images(tmp_path: Path) -> None:
    """Training needs training images."""
    data = DataSet.from_tensors(bright().test.images(), bright().test.labels)
    with pytest.raises(DataError, match="expected training images, got none"):
        train("baseline", RECIPES["baseline"], data, tmp_path)
