"""`securemnist filter`: find poisoned training images and write the data without them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.output import say
from securemnist.errors import FAILED, UNDECIDED, Inconclusive, UsageError
from securemnist.sanitize import sentence

if TYPE_CHECKING:
    from torch import nn

    from securemnist.data import DataSet
    from securemnist.types import Progress


@click.command(name="filter")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the files.")
@click.option("--model", metavar="SPEC", help="A network trained on DATA: its layers count, too.")
@click.option("--recipe", metavar="NAME", help="Train such a network first, by this recipe.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.pass_context
def filter_data(
    ctx: click.Context, data: Path, out: Path, model: str | None, recipe: str | None, seed: int
) -> None:
    """Find poisoned images among the training images of DATA.

    Written to --out: scores.csv, filter.json, suspicious.html, and cleaned.npz without the poisoned
    images, which --data reads. Clean-label poison is not found (docs/poisoning.md).


    Exit codes: 0 nothing found; 1 poisoned images found; 2 usage error; 3 not decided.
    """
    from securemnist import data as data_sets
    from securemnist.backdoor import data_filter, filter_folder
    from securemnist.train import RECIPES
    from securemnist.view.progress import progress_bar

    if model and recipe:
        raise UsageError("expected --model or --recipe, got both; leave out one")
    if recipe is not None and recipe not in RECIPES:
        raise UsageError(
            f"expected one of the recipes {', '.join(RECIPES)}, got {recipe!r}; name one of them"
        )
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: expected a folder, got a file; name another folder with --out")
    loaded = data_sets.load(data)
    samples = filter_folder.training_images(loaded)
    try:
        data_filter.check_enough(samples)
        with progress_bar() as progress:
            network = _network(loaded, model, recipe, out, progress)
            found = data_filter.filter_data(samples, network, seed=seed, progress=progress)
    except Inconclusive as error:
        say(f"{sentence(loaded.name)}: not decided: {error}", err=True)
        ctx.exit(UNDECIDED)
    try:
        filter_folder.write(out, loaded, samples, found)
    except OSError as error:
        raise UsageError(
            f"{out}: cannot be written ({error.strerror}); name another folder with --out"
        ) from error
    removed = int(found.removed.sum())
    say(f"{sentence(loaded.name)}: {removed:,} of {len(samples):,} training images look poisoned")
    for group in filter_folder.summary_of(loaded, found)["groups"]:
        say(
            f"  {group['images']:,} images share a feature ({group['features']}); "
            f"{group['doubtful']:.0%} have a doubtful label, {group['elsewhere']:.1%} elsewhere"
        )
    say(f"Looked at: {', '.join(found.tried)}. It cannot find: {'; '.join(data_filter.NOT_FOUND)}.")
    say(f"Written to {out}: scores.csv, filter.json, suspicious.html, cleaned.npz")
    ctx.exit(FAILED if removed else 0)


def _network(
    data: DataSet, spec: str | None, name: str | None, out: Path, progress: Progress
) -> nn.Module | None:
    """The network whose layers are looked at: a given one, one trained by a recipe, or none."""
    from securemnist.models import loading

    if name is not None:
        from securemnist.train import RECIPES, train

        out.mkdir(parents=True, exist_ok=True)
        train(name, RECIPES[name], data, out, progress=progress)
        spec = str(out / f"{name}.safetensors")
    if spec is None:
        return None
    subject = loading.resolve(spec, input_spec=data.spec)
    if subject.remote is not None:
        raise UsageError("expected a model with weights, got an endpoint; leave out --model")
    return subject.model
