"""`train_model`: a network trained by a recipe, for a notebook."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from securemnist.api.inputs import Data, as_data
from securemnist.errors import UsageError
from securemnist.models import loading
from securemnist.runtime.process_state import preserved
from securemnist.train import Recipe, recipe_named
from securemnist.train import train as run
from securemnist.train.subset import first_images
from securemnist.types import Progress
from securemnist.view import notebook
from securemnist.view.progress import shown


@dataclass(frozen=True, kw_only=True, repr=False)
class Training:
    """A trained network and its record.

    `model`: the network in eval mode, which `measure`, `assess`, `certify` and attacks take. `history`:
    for each epoch `loss` and `accuracy` of its batches, `tuning_accuracy` on images that are not trained
    on, and of a robust recipe `tuning_robust_accuracy` or `tuning_certified_accuracy`. `manifest`: what
    the file NAME.json of a trained network holds.
    """

    model: nn.Module
    recipe: Recipe
    manifest: Mapping[str, Any]

    @property
    def history(self) -> list[dict[str, Any]]:
        """The epochs, in their order."""
        return [dict(epoch) for epoch in self.manifest["history"]]

    def __repr__(self) -> str:
        last = self.history[-1]
        return (
            f"<Training: network {self.recipe.architecture}, epoch {self.manifest['epoch_kept']} of "
            f"{self.recipe.epochs}, loss {last['loss']:.4f}, tuning accuracy "
            f"{last['tuning_accuracy']:.4f}>"
        )

    def _repr_html_(self) -> str:
        facts = {
            "network": self.recipe.architecture,
            "data": str(self.manifest["data"]["name"]),
            "epoch kept": f"{self.manifest['epoch_kept']} of {self.recipe.epochs}",
        }
        rows = [
            (
                f"epoch {epoch['epoch']}",
                *(f"{key} {epoch[key]:.4f}" for key in epoch if key in _SHOWN),
            )
            for epoch in self.history
        ]
        return notebook.card("Training", facts, rows=rows)


_SHOWN = ("loss", "tuning_accuracy", "tuning_robust_accuracy", "tuning_certified_accuracy")


def train_model(
    recipe: Recipe | str,
    data: Data = None,
    *,
    images: int | None = None,
    folder: Path | str | None = None,
    name: str = "model",
    progress: Progress | bool = True,
) -> Training:
    """Train a network by a recipe.

    `recipe`: a Recipe, or the name of a reference model's, such as "baseline". `data` is as for
    `measure`; it needs training images. `images`: only the first training images. `folder`: where
    NAME.safetensors, NAME.json and NAME.svg are written; by default nothing is kept. `progress` is as
    for `measure`. One recipe gives one network on a kind of machine. UsageError or DataError for bad
    input.
    """
    if isinstance(recipe, str):
        recipe = recipe_named(recipe)
    if not isinstance(recipe, Recipe):
        raise UsageError(
            f"expected a Recipe or the name of one, got {type(recipe).__name__}; pass one"
        )
    chosen = as_data(data)
    if images is not None:
        chosen = first_images(chosen, images)
    with tempfile.TemporaryDirectory() as temporary, preserved(), shown(progress) as display:
        place = Path(temporary if folder is None else folder)
        place.mkdir(parents=True, exist_ok=True)
        manifest = run(name, recipe, chosen, place, progress=display)
        model = loading.load(place / f"{name}.safetensors", input_spec=chosen.spec)
    return Training(model=model, recipe=recipe, manifest=manifest)
