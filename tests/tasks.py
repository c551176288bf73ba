"""Classification tasks of other image forms, made offline, with a network trained in seconds.

Two are real: patches of colour photographs, and the 8x8 digits of scikit-learn. The others are drawn.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

Arrays = dict[str, np.ndarray]
# In words that no report has of its own.
_SHAPES = ("a disc", "a square", "a triangle", "a cross", "a ring", "a bar", "two lobes")
_PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "hubble_deep_field", "retina", "rocket")

# A module that a user would write: a factory that loads weights from the file beside it.
NETWORK = """
from pathlib import Path

from safetensors.torch import load_file
from torch import nn


class Network(nn.Module):
    def __init__(self, channels, height, width, classes):
        super().__init__()
        step = max(1, height // 14)  # large images are made small first: less than half of the time
        self.features = nn.Sequential(
            nn.Conv2d(channels, 8, 2 * step + 1, stride=step, padding=step), nn.ReLU(),
            nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(),
        )
        self.head = nn.Linear(16 * (height // step // 4) * (width // step // 4), classes)

    def forward(self, x):
        return self.head(self.features(x))


def factory():
    model = Network(*SHAPE)
    model.load_state_dict(load_file(Path(__file__).with_suffix(".safetensors")))
    return model
"""


@dataclass(frozen=True)
class Task:
    """A task by name: `make` gives uint8 images (n, H, W) or (n, H, W, 3) and labels, of both splits."""

    name: str
    make: Callable[[], Arrays]
    epochs: int
    class_names: tuple[str, ...] = ()

    def write(self, folder: Path) -> Path:
        """The data as `--data` takes them; beside them `NAME_net.py` with trained weights.

        That is `folder/NAME.npz`, or `folder/NAME.toml` where the classes have names.
        """
        arrays = self.make()
        path = folder / f"{self.name}.npz"
        np.savez(path, **arrays)
        if self.class_names:
            path = path.with_suffix(".toml")
            names = json.dumps(self.class_names)
            path.write_text(f'path = "{self.name}.npz"\nclass_names = {names}\n')
        module = folder / f"{self.name}_net.py"
        module.write_text(f"SHAPE = {_shape(arrays)}\n{NETWORK}")
        save_file(self.network(arrays).state_dict(), module.with_suffix(".safetensors"))
        return path

    def network(self, arrays: Arrays) -> nn.Module:
        """The network of the task, trained on its training images."""
        images, labels = as_images(arrays["x_train"]), torch.from_numpy(arrays["y_train"])
        names: dict[str, Any] = {}
        exec(NETWORK, names)  # noqa: S102 # nosec B102 # our own text
        return trained(lambda: names["Network"](*_shape(arrays)), images, labels, self.epochs)


def _shape(arrays: Arrays) -> tuple[int, ...]:
    """Channels, height, width and classes."""
    return *as_images(arrays["x_train"][:1]).shape[1:], int(arrays["y_train"].max()) + 1


def as_images(pixels: np.ndarray) -> torch.Tensor:
    """Pixels (n, H, W) or (n, H, W, C) as float32 (n, C, H, W) in [0, 1]."""
    x = torch.from_numpy(pixels).float() / 255
    return x[:, None] if x.dim() == 3 else x.permute(0, 3, 1, 2).contiguous()


def trained(
    network: Callable[[], nn.Module], images: torch.Tensor, labels: torch.Tensor, epochs: int
) -> nn.Module:
    """A network trained by Adam in batches of 64."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), 2e-3)
        for _ in range(epochs):
            for batch in torch.randperm(len(labels)).split(64):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
                optimizer.step()
    return model.eval()


def _split(images: np.ndarray, labels: np.ndarray, test: int, seed: int = 0) -> Arrays:
    order = np.random.default_rng(seed).permutation(len(labels))
    images, labels = images[order].astype(np.uint8), labels[order].astype(np.int64)
    return {
        "x_train": images[test:],
        "y_train": labels[test:],
        "x_test": images[:test],
        "y_test": labels[:test],
    }


def small_digits() -> Arrays:
    """The 1,797 digits of scikit-learn: grey, 8x8, ten classes."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return _split(found.images * 15, found.target, test=200)


def photographs() -> Arrays:
    """Different patches of 32x32 pixels of six colour photographs; the class is the photograph."""
    from skimage import data

    images, labels = [], []
    for label, name in enumerate(_PHOTOGRAPHS):
        photograph = np.asarray(getattr(data, name)())[..., :3]
        height, width = photograph.shape[:2]
        rng = np.random.default_rng(label)
        patches: dict[bytes, np.ndarray] = {}  # flat patches would be copies of one another
        while len(patches) < 250:
            top, left = rng.integers(height - 32), rng.integers(width - 32)
            patch = photograph[top : top + 32, left : left + 32]
            patches[patch.tobytes()] = patch
        images += patches.values()
        labels += [label] * len(patches)
    return _split(np.stack(images), np.array(labels), test=100)


def shapes() -> Arrays:
    """Seven shapes at random places, with noise: grey, 64x64."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:64, :64]
    images, labels = [], []
    for number in range(1_400):
        label, size = number % 7, rng.integers(9, 15)
        down, right = rows - rng.integers(28, 37), columns - rng.integers(28, 37)
        radius = np.hypot(down, right)
        inside = [
            radius < size,
            np.maximum(abs(down), abs(right)) < size,
            (abs(right) < (down + size) / 2) & (down < size),
            np.minimum(abs(down), abs(right)) < size / 4,
            (radius < size) & (radius > size / 2),
            (abs(down) < size / 4) & (abs(right) < 1.5 * size),
            np.hypot(down, abs(right) - size) < size / 2,
        ][label]
        image = 30 + 160 * inside + rng.normal(0, 15, (64, 64))
        images.append(image.clip(0, 255))
        labels.append(label)
    return _split(np.stack(images), np.array(labels), test=100)


def patterns() -> Arrays:
    """A hundred smooth colour patterns of 16x16, with noise."""
    rng = np.random.default_rng(2)
    coarse = torch.from_numpy(rng.uniform(0, 255, (100, 3, 4, 4)))
    fine = nn.functional.interpolate(coarse, (16, 16), mode="bilinear").numpy()
    labels = np.repeat(np.arange(100), 40)
    noise = rng.normal(0, 25, (len(labels), 3, 16, 16))
    images = (fine[labels] + noise).clip(0, 255).transpose(0, 2, 3, 1)
    return _split(images, labels, test=200)


def stripes() -> Arrays:
    """Vertical or horizontal stripes of 12x20, with noise: two classes."""
    rng = np.random.default_rng(3)
    labels = np.arange(1_200) % 2
    images = np.empty((len(labels), 12, 20))
    for image, label in zip(images, labels, strict=True):
        side = np.arange(20 if label else 12)
        wave = 128 + 60 * np.sin(side * rng.uniform(0.8, 2.0) + rng.uniform(0, 6))
        image[:] = (wave[None] if label else wave[:, None]) + rng.normal(0, 20, image.shape)
    return _split(images.clip(0, 255), labels, test=100)


TASKS = {
    task.name: task
    for task in (
        Task("small_digits", small_digits, 15),
        Task("shapes", shapes, 8, _SHAPES),
        Task("patterns", patterns, 6),
        Task("stripes", stripes, 4),
    )
}
