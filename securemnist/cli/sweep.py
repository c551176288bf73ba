"""`securemnist sweep`: how much poison a backdoor needs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist._util.files import writing
from securemnist.cli.options import PATH, inline_table
from securemnist.cli.output import say
from securemnist.errors import UsageError
from securemnist.sanitize import sentence

if TYPE_CHECKING:
    from securemnist.backdoor import Poison

_RATES = (0.001, 0.005, 0.02)
_TRIGGERS = ("corner", "pixels", "stripes", "blend")


@click.command()
@click.option("--out", type=PATH, required=True, help="Folder for the files.")
@click.option("--data", type=PATH, help="Data instead of the bundled MNIST.")
@click.option(
    "--poison",
    "poisons",
    multiple=True,
    metavar="TABLE",
    help="A poison as in `train`, without count and rate; again for another.",
)
@click.option("--rate", "rates", type=float, multiple=True, help="A rate; again for another.")
@click.option("--recipe", default="baseline", show_default=True, metavar="NAME")
@click.option("--epochs", type=click.IntRange(1, 1_000), help="Epochs instead of the recipe's.")
@click.option("--images", type=click.IntRange(1), help="Training images to use; default: all.")
@click.option("--seed", type=int, default=0, show_default=True)
def sweep(
    out: Path,
    data: Path | None,
    poisons: tuple[str, ...],
    rates: tuple[float, ...],
    recipe: str,
    epochs: int | None,
    images: int | None,
    seed: int,
) -> None:
    """Draw attack success rates by poison and rate.

    A network is trained for each poison at each rate. Written to --out after each network:
    sweep.json and sweep.svg. By default four triggers with target class 0 are tried at rates of
    0.1, 0.5 and 2 %.

    Exit codes: 0 measured; 2 usage error.
    """
    from securemnist import data as data_sets
    from securemnist._util.hashing import json_file
    from securemnist._util.resources import write_atomically
    from securemnist.train import recipe_named
    from securemnist.train import sweep as sweeps
    from securemnist.train.sweep_chart import sweep_chart
    from securemnist.view.progress import progress_bar

    used = recipe_named(recipe)
    used = used if epochs is None else dataclasses.replace(used, epochs=epochs)
    wrong = [rate for rate in rates if not 0 < rate <= 1]
    if wrong:
        raise UsageError(f"expected rates above 0, at most 1, got {wrong[0]:g}; fix --rate")
    chosen = tuple(map(_poison, poisons)) or _default()
    loaded = data_sets.load(data)
    if images is not None:
        loaded = dataclasses.replace(loaded, train=loaded.train.spread(images))
    cells: list[sweeps.Cell] = []
    with writing(out, "name another folder with --out"):
        out.mkdir(parents=True, exist_ok=True)
        with progress_bar() as progress:
            shares = sorted(set(rates or _RATES))
            for cell in sweeps.sweep(loaded, chosen, shares, used, seed=seed, progress=progress):
                cells.append(cell)
                content = {"data": loaded.name, "recipe": used.to_json(), "seed": seed}
                content["cells"] = [one.to_json() for one in cells]
                write_atomically(out / "sweep.json", json_file(content))
                chart = sweep_chart(f"Poison only, {loaded.name}", cells)
                write_atomically(out / "sweep.svg", chart)
                success = "no trigger" if cell.success is None else f"ASR {cell.success:.2%}"
                say(f"{cell.name} at {cell.rate:.2%}: accuracy {cell.accuracy:.2%}, {success}")
    say(f"Written to {sentence(out)}: sweep.json, sweep.svg")


def _poison(text: str) -> Poison:
    from securemnist.backdoor import make_poison

    settings = inline_table("--poison", text)
    if {"count", "rate"} & settings.keys():
        raise UsageError("expected --poison without count and rate, got one; pass --rate")
    return make_poison({**settings, "rate": 0.0})


def _default() -> tuple[Poison, ...]:
    from securemnist.backdoor import make_poison

    return tuple(
        make_poison({"kind": "dirty_label", "trigger": {"kind": kind}, "target": 0, "rate": 0.0})
        for kind in _TRIGGERS
    )
