"""Training of a network by a recipe: weights, manifest and training curve."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import torch

import securemnist
from securemnist._util.files import exists
from securemnist._util.hashing import sha256
from securemnist._util.resources import write_atomically
from securemnist.data import DataSet
from securemnist.errors import DataError, UsageError
from securemnist.input_spec import MNIST
from securemnist.models import weight_file
from securemnist.models.architectures import build
from securemnist.runtime.malloc import keep_freed_memory
from securemnist.train import checkpoint
from securemnist.train.curve import training_curve
from securemnist.train.loop import Trainer, collapsed
from securemnist.train.recipes import RECIPES, Recipe, recipe_named
from securemnist.types import Progress, silent

__all__ = ["RECIPES", "Recipe", "recipe_named", "replay_digest", "train"]

# Batches after which the weights' digest is recorded, so that a run can be checked in seconds.
REPLAY_STEPS = 8


def train(
    name: str,
    recipe: Recipe,
    data: DataSet,
    folder: Path,
    *,
    resume: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train and write NAME.safetensors, NAME.json and NAME.svg to `folder`; returns the manifest.

    `resume` continues an interrupted run. Checkpoints are removed at the end. A robust recipe keeps the
    epoch with the best tuning accuracy under attack (or certified), a plain one the last epoch.
    """
    _check_fits(recipe, data)
    keep_freed_memory()
    replay = {"steps": REPLAY_STEPS, "sha256": replay_digest(recipe, data), **_processor()}
    trainer = Trainer(recipe, data)
    latest, best = (folder / f"{name}.{word}.checkpoint" for word in ("latest", "best"))
    if resume and exists(latest):
        checkpoint.restore(trainer, latest)
    while trainer.epoch < recipe.epochs:
        trainer.run_epoch(progress=progress)
        if collapsed(trainer.history):
            _roll_back(trainer, best)
        elif _is_best(trainer):
            checkpoint.store(trainer, best)
        checkpoint.store(trainer, latest)
    history = trainer.history
    checkpoint.restore(trainer, best)
    facts = {"name": name, "history": history, "epoch_kept": trainer.epoch, "replay": replay}
    manifest = weight_file.save(
        trainer.model.eval(), folder / f"{name}.safetensors", facts | _origin(recipe, data)
    )
    write_atomically(folder / f"{name}.svg", training_curve(name, history))
    for path in (latest, best):
        path.unlink(missing_ok=True)
    return manifest


def _check_fits(recipe: Recipe, data: DataSet) -> None:
    """DataError or UsageError where the data have no training images, or the recipe is for others."""
    spec, poison = data.spec, recipe.poison
    if not len(data.train):
        raise DataError(
            f"{data.name}: expected training images, got none; train on other data (docs/data.md)"
        )
    if recipe.source and not spec.is_mnist_like:
        raise UsageError(
            f"expected images of {MNIST} for a recipe with the source {recipe.source}, got {spec}; use "
            "a recipe without a source, such as baseline or hardened"
        )
    if poison is not None:
        poison.check_fits(spec, data.name)
    build(recipe.architecture, spec)


def replay_digest(recipe: Recipe, data: DataSet) -> str:
    """SHA-256 of the weights after the first REPLAY_STEPS batches of a run."""
    trainer = Trainer(recipe, data)
    trainer.run_epoch(stop_after=REPLAY_STEPS)
    return sha256(weight_file.dump(trainer.model))


def _is_best(trainer: Trainer) -> bool:
    key = trainer.recipe.probe
    if not key:
        return True
    probes = [entry[key] for entry in trainer.history]
    # During the ramp the network is trained at a smaller eps than that of the recipe.
    at_full_eps = probes[trainer.recipe.ramp :]
    return not at_full_eps or probes[-1] >= max(at_full_eps)


def _roll_back(trainer: Trainer, best: Path) -> None:
    """Restore weights and optimizer of the best epoch and halve the learning rate; keep the counter."""
    epoch, slowdown, history = trainer.epoch, trainer.slowdown / 2, trainer.history
    history[-1]["rolled_back"] = True
    checkpoint.restore(trainer, best)
    trainer.epoch, trainer.slowdown, trainer.history = epoch, slowdown, history


def _origin(recipe: Recipe, data: DataSet) -> dict[str, Any]:
    """The manifest's entries of recipe, data and versions; of a reference model also its role."""
    role = {"reference": {"about": recipe.about, "roles": list(recipe.roles)}}
    return {
        "architecture": recipe.architecture,
        "recipe": recipe.to_json(),
        "seed": recipe.seed,
        "data": {"name": data.name, "digests": data.digests},
        "versions": versions(),
        **(role if recipe.about else {}),
        **weight_file.form_entry(data.spec),
    }


def versions() -> dict[str, str]:
    """The versions with which a network is trained now."""
    return {
        "securemnist": securemnist.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _processor() -> dict[str, Any]:
    """Properties other than the seed on which float32 results depend."""
    return {
        "machine": platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
