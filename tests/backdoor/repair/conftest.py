"""A small colour data set, and a network with a backdoor that is trained on it in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from securemnist.backdoor import Corner, DirtyLabel
from securemnist.data import DataSet
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.train import Recipe, train

TRIGGER, TARGET = Corner(size=2), 1
TABLE = '{kind = "corner", size = 2}'
CLASSES = 4


@dataclass(frozen=True)
class Backdoored:
    """The path of the data, the data, and the weight file of a network with a backdoor."""

    path: Path
    data: DataSet
    weights: Path

    def subject(self) -> Subject:
        """The network, loaded from its file."""
        return loading.resolve(str(self.weights), input_spec=self.data.spec)


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy colour images uint8 (n, 10, 10, 3), with two bright rows for each class, and labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % CLASSES
    images = rng.integers(0, 90, (n, 10, 10, 3))
    for step in range(2):
        images[np.arange(n), 2 * labels + step] += 100
    return images.astype(np.uint8), labels.astype(np.int64)


@pytest.fixture(scope="session")
def backdoored(tmp_path_factory: pytest.TempPathFactory) -> Backdoored:
    """A network that a white corner turns to class 1."""
    folder = tmp_path_factory.mktemp("backdoored")
    (train_images, train_labels), (images, labels) = drawn(1_000, 0), drawn(300, 1)
    path = folder / "rows.npz"
    np.savez(path, x_train=train_images, y_train=train_labels, x_test=images, y_test=labels)
    data = DataSet.load(path)
    poison = DirtyLabel(trigger=TRIGGER, target=TARGET, rate=0.3)
    state = torch.random.get_rng_state()
    train("net", Recipe(epochs=4, batch=32, learning_rate=2e-3, poison=poison), data, folder)
    torch.random.set_rng_state(state)
    return Backdoored(path, data, folder / "net.safetensors")
