"""`securemnist train`: train a reference model by its recipe, with optional changes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from securemnist.cli.options import PATH, inline_table
from securemnist.cli.output import say


@click.command()
@click.argument("name")
@click.option("--out", type=PATH, default=Path("weights"), show_default=True)
@click.option("--seed", type=int, help="Instead of the recipe's.")
@click.option("--epochs", type=int, help="Instead of the recipe's.")
@click.option("--architecture", help="Instead of the recipe's.")
@click.option(
    "--noise",
    type=float,
    help="Deviation of Gaussian noise on the images, instead of the recipe's.",
)
@click.option(
    "--poison",
    help="Poison of the training data, as in TOML: "
    '\'{kind = "dirty_label", trigger = {kind = "corner"}, target = 7, rate = 0.01}\'.',
)
@click.option("--data", type=PATH, help="Data instead of the bundled MNIST.")
@click.option("--fast", is_flag=True, help="One epoch, for a first look: about 99 % clean.")
@click.option("--resume", is_flag=True, help="Continue an interrupted run of the same recipe.")
def train(
    name: str,
    out: Path,
    seed: int | None,
    epochs: int | None,
    architecture: str | None,
    noise: float | None,
    poison: str | None,
    data: Path | None,
    fast: bool,
    resume: bool,
) -> None:
    """Train the reference model NAME by its recipe.

    NAME.safetensors, its manifest and the training curve are written to --out.
    """
    from securemnist import data as data_sets
    from securemnist.backdoor import make_poison
    from securemnist.train import recipe_named
    from securemnist.train import train as run
    from securemnist.view.progress import progress_bar

    chosen = recipe_named(name)
    changes: dict[str, Any] = {
        "seed": seed,
        "epochs": epochs,
        "architecture": architecture,
        "noise": noise,
        "poison": None if poison is None else make_poison(inline_table("--poison", poison)),
    }
    set_options = {key: value for key, value in changes.items() if value is not None}
    recipe = dataclasses.replace(chosen.fast() if fast else chosen, **set_options)
    if poison is not None:  # the description and the roles are those of the recipe without it
        recipe = dataclasses.replace(recipe, about="", roles=())
    loaded = data_sets.load(data)
    data_sets.check_torchvision(loaded)
    out.mkdir(parents=True, exist_ok=True)
    with progress_bar() as progress:
        manifest = run(name, recipe, loaded, out, resume=resume, progress=progress)
    for entry in manifest["history"]:
        say("  ".join(f"{key} {value:.4g}" for key, value in entry.items()))
    say(f"{out / name}.safetensors: epoch {manifest['epoch_kept']} of {recipe.epochs} kept")
