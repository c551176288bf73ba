"""Cache of trained networks: safetensors with a manifest, valid for one recipe, training data and torch.

The files are untrusted: `weight_file` checks digest, tensors and recorded logits, and whatever does
not fit is trained again. No pickle is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from securemnist._util.files import exists, read_at_most
from securemnist._util.hashing import sha256_of_value
from securemnist._util.resources import write_atomically
from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.models import loading, weight_file
from securemnist.models.loading import Subject
from securemnist.pipeline.documents import Network
from securemnist.sanitize import line
from securemnist.train import Recipe, train, versions
from securemnist.types import Progress
from securemnist.view.numbers import plural

FOLDER = "models"
# https://bford.info/cachedir/: backup programs leave out a folder with such a file.
_TAG, _TAG_TEXT = (
    "CACHEDIR.TAG",
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# Networks of `securemnist demo --pipeline`. Remove the folder to train them again.\n",
)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """A network that is ready to be measured, and its record."""

    subject: Subject
    record: Network


def is_ours(folder: Path) -> bool:
    """Whether a cache of this program lies in `folder`."""
    try:
        return read_at_most(folder / _TAG, len(_TAG_TEXT), follow=False) == _TAG_TEXT
    except OSError:
        return False


def begin(folder: Path) -> None:
    """Make `folder` a cache."""
    write_atomically(folder / _TAG, _TAG_TEXT)


def network(
    name: str, recipe: Recipe, data: DataSet, folder: Path, *, say: Say, progress: Progress
) -> Trained:
    """The network of a recipe: from the cache if it is there and whole, else trained into it.

    `say` gets a sentence about what is done. An interrupted training continues at its last epoch.
    """
    path = folder / f"{name}.safetensors"
    try:
        found = _stored(name, path, recipe, data) if exists(path) else None
    except (UsageError, ValueError, OSError) as error:
        found = None
        say(f"{name}: the cached network is not used and trained again: {error}")
    if found is not None:
        say(f"{name}: from the cache")
        return found
    began = time.perf_counter()
    _train(name, recipe, data, folder, say, progress)
    seconds = round(time.perf_counter() - began, 1)
    say(f"{name}: trained on {data.name}, {plural(recipe.epochs, 'epoch')}, {seconds:g} s")
    trained = _stored(name, path, recipe, data)
    return replace(trained, record=replace(trained.record, seconds=seconds))


def _stored(name: str, path: Path, recipe: Recipe, data: DataSet) -> Trained:
    """The network in the cache; UsageError or ValueError where it is damaged or another one."""
    manifest = weight_file.read_manifest(path)
    origin = manifest.get("data")
    if (manifest.get("recipe"), origin) != (
        recipe.to_json(),
        {"name": data.name, "digests": data.digests},
    ):
        raise UsageError(f"{path.name}: expected this recipe and these training images, got others")
    _check_versions(manifest, path)
    form = weight_file.form_of(manifest, path)
    if (manifest["architecture"], form) != (recipe.architecture, data.spec):
        raise UsageError(
            f"{path.name}: expected network {recipe.architecture} for {data.spec}, got another"
        )
    record = _record(name, manifest)
    _check_epochs(record, recipe.epochs, path)
    # A relative path may start with ARCHITECTURE@, which names another file.
    return Trained(replace(loading.resolve(str(path.absolute())), name=name), record)


def _check_versions(manifest: dict[str, Any], path: Path) -> None:
    """UsageError for a network of another version of torch or of this program: it may differ."""
    found, own = manifest.get("versions"), versions()
    found = found if isinstance(found, dict) else {}
    for name in ("torch", "securemnist"):
        if found.get(name) != own[name]:
            raise UsageError(
                f"{path.name}: expected a network of {name} {own[name]}, got one of "
                f"{line(found.get(name, 'an unknown version'), 40)}"
            )


def _record(name: str, manifest: dict[str, Any]) -> Network:
    """What a manifest says of a training; ValueError where it is malformed."""
    data = manifest["data"] if isinstance(manifest.get("data"), dict) else {}
    return Network.from_json(
        {
            "name": name,
            "architecture": manifest["architecture"],
            "recipe": manifest["recipe"],
            "recipe_sha256": sha256_of_value([manifest["recipe"], data.get("digests")]),
            "sha256": manifest["sha256"],
            "training_data": data.get("name"),
            "history": manifest.get("history"),
            "epoch_kept": manifest.get("epoch_kept"),
            "seconds": None,
        }
    )


def _check_epochs(record: Network, epochs: int, path: Path) -> None:
    """UsageError unless the history has each epoch of the recipe once, and the one that was kept."""
    found = [epoch.epoch for epoch in record.history]
    if found != list(range(1, epochs + 1)) or record.epoch_kept not in found:
        raise UsageError(
            f"{path.name}: expected a history of epochs 1 to {epochs}, and one of them kept, got another"
        )


def _train(
    name: str, recipe: Recipe, data: DataSet, folder: Path, say: Say, progress: Progress
) -> None:
    """Train, from the checkpoint of an interrupted run if there is a whole one of this recipe."""

    def shown(label: str, done: int, total: int) -> None:
        progress(f"train {name}, {label}", done, total)

    checkpoints = [folder / f"{name}.{word}.checkpoint" for word in ("latest", "best")]
    try:
        train(name, recipe, data, folder, resume=True, progress=shown)
    except UsageError as error:
        if not any(checkpoint.exists() for checkpoint in checkpoints):
            raise  # it is not about them
        say(f"{name}: the checkpoint is not used and training starts again: {error}")
        for checkpoint in checkpoints:
            checkpoint.unlink(missing_ok=True)
        train(name, recipe, data, folder, progress=shown)
