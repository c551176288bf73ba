"""Two honest networks of architecture A, trained on the user's data within a time."""

from __future__ import annotations

import dataclasses
import time

import torch

from securemnist.data import DataSet
from securemnist.errors import DataError, UsageError
from securemnist.initial_policy.kind import kind_of
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.train.loop import Trainer
from securemnist.train.recipes import Recipe
from securemnist.types import Labels, Progress, silent

# Most training images, and tuning images that a run measures after each epoch.
_IMAGES, _TUNING = 20_000, 500
_SMALLEST_BATCH, _LARGEST_BATCH = 16, 128
# Epochs and batches of an unhurried run; fewer than a third of these batches train nothing.
_EPOCHS, _BATCHES = 5, 600
_TIMED = 3
_ABOVE_CHANCE = 0.1


def check_learned(name: str, accuracy: float, low: float, labels: Labels, advice: str) -> None:
    """UsageError for a network that is hardly better than a constant answer.

    `low` is the lower bound of its accuracy on images with these labels (n,).
    """
    chance = float(torch.bincount(labels).max()) / len(labels)
    # Where one class has most images, little is left above its share.
    if low <= chance + min(chance, _ABOVE_CHANCE, (1 - chance) / 4):
        raise UsageError(
            f"expected an honest network clearly better than guessing, got {name} of accuracy "
            f"{accuracy:.4f}, where one answer for all has {chance:.4f}; {advice}"
        )


def trained(
    data: DataSet, *, seconds: float, progress: Progress = silent
) -> tuple[Subject, Subject]:
    """A network trained on the images as they are, and one trained on PGD examples of them.

    `seconds` limits the training of both together. DataError for data without training images, and
    UsageError where the time is too short.
    """
    if not len(data.train):
        raise DataError(
            f"{data.name}: expected training images for the networks of --calibrate, got none; add a "
            "training split, or name two honest networks of yours: --calibrate-with SPEC SPEC"
        )
    eps = kind_of(data).linf[2]
    plain = Recipe(learning_rate=2e-3)
    robust = dataclasses.replace(
        plain, adversary="pgd", eps=eps, steps=3, step_size=eps / 2, seed=1
    )
    return (
        network_in_time("plain reference", plain, data, seconds / 3, progress),
        network_in_time("robust reference", robust, data, 2 * seconds / 3, progress),
    )


def network_in_time(
    name: str,
    recipe: Recipe,
    data: DataSet,
    seconds: float,
    progress: Progress,
    *,
    option: str = "--calibrate-minutes",
) -> Subject:
    """The network of a recipe, trained for as many batches as fit into the time.

    UsageError where few fit, with the `option` that gives more time.
    """
    images = min(len(data.train), _IMAGES)
    batch = min(max(images // 20, _SMALLEST_BATCH), _LARGEST_BATCH)
    rng = torch.Generator().manual_seed(recipe.seed)
    order = torch.randperm(len(data.train), generator=rng)
    data = dataclasses.replace(data, tuning=data.tuning[:_TUNING])
    wanted = max(_EPOCHS * -(-images // batch), _BATCHES)
    recipe = dataclasses.replace(recipe, batch=batch)
    few = dataclasses.replace(data, train=data.train[order[: (_TIMED + 1) * batch]])
    possible = int(seconds / _seconds_a_batch(recipe, few))
    if possible < _BATCHES // 3:
        raise UsageError(
            f"expected time for at least {_BATCHES // 3} batches of the network {name}, got "
            f"time for {possible}; raise {option}"
        )
    batches = min(wanted, possible)
    used = min(images, batches * batch)
    data = dataclasses.replace(data, train=data.train[order[:used]])
    epochs = max(round(batches / -(-used // batch)), 1)
    trainer = Trainer(dataclasses.replace(recipe, epochs=epochs, ramp=epochs // 2), data)
    for _ in range(epochs):
        trainer.run_epoch(progress=progress)
    return loading.from_model(trainer.model.eval(), name=name, input_spec=data.spec)


def _seconds_a_batch(recipe: Recipe, data: DataSet) -> float:
    """Seconds of one batch of training, from a few."""
    trainer = Trainer(recipe, data)
    trainer.run_epoch(stop_after=1)  # the first one takes longer
    began = time.perf_counter()
    trainer.run_epoch(stop_after=_TIMED)
    return (time.perf_counter() - began) / _TIMED
