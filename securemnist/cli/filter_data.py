"""`securemnist filter`: find poisoned training images and write the data without them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist._util.files import writing
from securemnist.cli.options import PATH, inline_table, target_of
from securemnist.cli.output import check_writable, say
from securemnist.errors import FAILED, UNDECIDED, Inconclusive, UsageError
from securemnist.sanitize import sentence

if TYPE_CHECKING:
    from torch import nn

    from securemnist.backdoor.data_filter import Filtered
    from securemnist.data import DataSet
    from securemnist.train.retraining import Arm, Trial
    from securemnist.types import Progress


@click.command(name="filter")
@click.argument("data", type=PATH)
@click.option("--out", type=PATH, required=True, help="Folder for the files.")
@click.option("--model", metavar="SPEC", help="A network trained on DATA: its layers count, too.")
@click.option("--recipe", metavar="NAME", help="Train such a network first, by this recipe.")
@click.option("--retrain", is_flag=True, help="With --recipe: train on the kept images, too.")
@click.option("--trigger", metavar="TABLE", help="Trigger to measure, as TOML; with --target.")
@click.option("--target", metavar="CLASS", help="Target of the trigger: a class, or next.")
@click.option("--poison", metavar="TABLE", help="For a trial: poison DATA first, as `train` does.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.pass_context
def filter_data(
    ctx: click.Context,
    data: Path,
    out: Path,
    model: str | None,
    recipe: str | None,
    retrain: bool,
    trigger: str | None,
    target: str | None,
    poison: str | None,
    seed: int,
) -> None:
    """Find poisoned images among the training images of DATA.

    Written to --out: scores.csv, filter.json, suspicious.html, and cleaned.npz without the images that
    were found, which --data reads. Others may remain in it. Clean-label poison is not found
    (docs/poisoning.md).

    --retrain compares networks trained on all images, on the kept ones, and after a random filter; with
    --poison also after a perfect one. Attack success rates need --poison, or --trigger and --target.

    Exit codes: 0 nothing found; 1 poisoned images found; 2 usage error; 3 not decided.
    """
    from securemnist import data as data_sets
    from securemnist.backdoor import data_filter, filter_folder
    from securemnist.train import RECIPES
    from securemnist.train.retraining import retrained
    from securemnist.view.progress import progress_bar

    _check(out, model, recipe, retrain)
    loaded = data_sets.load(data)
    trial = _trial(loaded, poison, trigger, target, seed)
    arms: list[Arm] = []
    try:
        data_filter.check_enough(trial.samples)
        with progress_bar() as progress:
            network = _network(loaded, trial, model, recipe, progress)
            found = data_filter.filter_data(trial.samples, network, seed=seed, progress=progress)
            if retrain and recipe and network:
                arms = retrained(
                    loaded, trial, found.removed, RECIPES[recipe], network, seed=seed,
                    progress=progress,
                )  # fmt: skip
    except Inconclusive as error:
        say(f"{sentence(loaded.name)}: not decided: {error}", err=True)
        ctx.exit(UNDECIDED)
    retraining = [dataclasses.asdict(arm) for arm in arms]
    with writing(out, "name another folder with --out"):
        filter_folder.write(out, loaded, trial.samples, found, retraining)
    _print(loaded, trial, found, arms)
    say(f"Written to {out}: {', '.join(filter_folder.FILES)}")
    if found.removed.any():
        ctx.exit(FAILED)
    if found.problem:
        say(f"{sentence(loaded.name)}: not decided: {found.problem}", err=True)
        ctx.exit(UNDECIDED)


def _check(out: Path, model: str | None, recipe: str | None, retrain: bool) -> None:
    """UsageError for options that do not fit together."""
    from securemnist.backdoor import filter_folder
    from securemnist.train import recipe_named

    if model and recipe:
        raise UsageError("expected --model or --recipe, got both; leave out one")
    if recipe is not None:
        recipe_named(recipe)
    if retrain and not recipe:
        raise UsageError("expected --recipe with --retrain, got none; name a recipe")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: expected a folder, got a file; name another folder with --out")
    there = [name for name in filter_folder.FILES if (out / name).exists()]
    if there:
        raise UsageError(
            f"{out}: expected a folder without {there[0]}, got one with it; name another with --out"
        )
    check_writable(out)


def _print(data: DataSet, trial: Trial, found: Filtered, arms: Sequence[Arm]) -> None:
    """What was found, what it rests on, and the networks before and after."""
    from securemnist.backdoor import data_filter, filter_folder

    removed = int(found.removed.sum())
    say(
        f"{sentence(data.name)}: {removed:,} of {len(found.removed):,} training images look poisoned"
    )
    if trial.planted is not None:
        hits = int((found.removed & trial.planted).sum())
        say(f"  {hits:,} of {int(trial.planted.sum()):,} planted images are among them")
    for group in filter_folder.summary_of(data, found)["groups"]:
        say(
            f"  {group['images']:,} images share a feature ({group['features']}); "
            f"{group['doubtful']:.0%} have a doubtful label, {group['elsewhere']:.1%} elsewhere"
        )
    for arm in arms:
        success = "" if arm.success is None else f", attack success rate {arm.success:.1%}"
        say(f"  {arm.name}: {arm.images:,} images, accuracy {arm.accuracy:.1%}{success}")
    say(f"Looked at: {', '.join(found.tried)}. It cannot find: {'; '.join(data_filter.NOT_FOUND)}.")


def _trial(
    data: DataSet, poison: str | None, trigger: str | None, target: str | None, seed: int
) -> Trial:
    """The training samples, poisoned where that was asked for, and the attack to measure."""
    from securemnist.backdoor import make_poison, make_trigger
    from securemnist.backdoor.success_rate import target_maps
    from securemnist.train.retraining import Trial

    if bool(trigger) != bool(target) or (poison and trigger):
        raise UsageError(
            "expected --poison, or --trigger and --target, got another choice; change it"
        )
    samples, spec = data.training_images(), data.spec
    if poison:
        made = make_poison(inline_table("--poison", poison))
        made.check_fits(spec, data.name)
        return Trial.of(made, samples, spec.classes, seed=seed)
    if not trigger or not target:
        return Trial(samples)
    attack = make_trigger(inline_table("--trigger", trigger))
    attack.check_fits(*spec.shape)
    return Trial(samples, attack, target_maps(target_of(target, spec), spec.classes)[0])


def _network(
    data: DataSet, trial: Trial, spec: str | None, recipe: str | None, progress: Progress
) -> nn.Module | None:
    """The network whose layers are looked at: a given one, one trained by a recipe, or none."""
    from securemnist.models import loading
    from securemnist.train import RECIPES
    from securemnist.train.retraining import trained

    if recipe is not None:
        return trained(data, trial.samples, RECIPES[recipe], progress=progress)
    if spec is None:
        return None
    subject = loading.resolve(spec, input_spec=data.spec)
    if subject.remote is not None:
        raise UsageError("expected a model with weights, got an endpoint; leave out --model")
    return subject.model
