"""`securemnist repair`: remove a backdoor from the weights of a model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.defaults import data_of
from securemnist.cli.options import PATH, inline_table, target_of
from securemnist.cli.output import check_writable, say
from securemnist.errors import UsageError
from securemnist.sanitize import sentence

if TYPE_CHECKING:
    from securemnist.backdoor import Trigger
    from securemnist.backdoor.repair.outcome import Outcome, TriggerOutcome
    from securemnist.data import DataSet
    from securemnist.models.loading import Subject


@click.command()
@click.argument("model", metavar="SPEC")
@click.option("--out", type=PATH, required=True, help="The new file, NAME.safetensors.")
@click.option("--data", help="Data with clean images instead of the bundled MNIST.")
@click.option("--images", type=int, default=5_000, show_default=True, help="Clean images to use.")
@click.option("--method", default="auto", show_default=True, help="auto, search, sam, ...")
@click.option(
    "--trigger",
    "triggers",
    multiple=True,
    metavar="TABLE",
    help="A known trigger, as in TOML: '{kind = \"corner\", size = 4}'; again for another.",
)
@click.option("--target", help="Class of the triggers, or `next`; default: what they favour.")
@click.option(
    "--unseen",
    multiple=True,
    metavar="TABLE",
    help="A trigger that is measured and not used; default: one of another kind.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.pass_context
def repair(
    ctx: click.Context,
    model: str,
    out: Path,
    data: str | None,
    images: int,
    method: str,
    triggers: tuple[str, ...],
    target: str | None,
    unseen: tuple[str, ...],
    seed: int,
) -> None:
    """Remove a backdoor from the weights of SPEC with clean images.

    The new weights, their manifest and NAME.repair.json with all numbers are written beside each other.
    SPEC is NAME, FILE.safetensors or ARCH@FILE. No file is overwritten. Accuracy and success rates are
    measured on the test images, of which none is used for the repair. Without --trigger, the method auto
    searches for triggers first.


    Exit codes: 0 no given trigger succeeds any more; 1 one does, or clean accuracy fell by more than a
    point; 2 usage error; 3 not decided, as without --trigger. Files are written with 0, 1 and 3.
    """
    from securemnist.backdoor import repair as repairs
    from securemnist.backdoor.repair import files, outcome
    from securemnist.backdoor.repair.clean_set import clean_set
    from securemnist.data import DataSet
    from securemnist.models import loading
    from securemnist.runtime.malloc import keep_freed_memory
    from securemnist.view.progress import progress_bar

    if method not in repairs.METHODS:
        raise UsageError(
            f"expected a method of {', '.join(repairs.METHODS)}, got {method!r}; name one of them"
        )
    given, others = (tuple(map(_trigger, texts)) for texts in (triggers, unseen))
    if target is not None and not given:
        raise UsageError("expected --trigger with --target, got none; pass --trigger")
    files.check_out(out)
    check_writable(out)
    loaded = DataSet.load(data_of(data))
    aim = None if target is None else target_of(target, loaded.spec)
    subject = loading.resolve(model, input_spec=loaded.spec)
    _check(subject, loaded, given + others)
    others = others or (outcome.another(given, loaded),)
    clean = clean_set(loaded, images, seed=seed)
    keep_freed_memory()
    with progress_bar() as progress:
        work = repairs.begun(subject.model, clean, given, seed=seed, progress=progress)
        began = time.perf_counter()
        searched = repairs.METHODS[method](work)
        seconds = time.perf_counter() - began
        found = outcome.measured(subject.model, work, loaded.test, others, aim, searched)
    request = files.Request(subject, out, loaded, clean, method, seed)
    files.write(request, work.model, {**found.to_json(), "seconds": round(seconds, 2)})
    say(
        f"{sentence(subject.name)}: repaired by {method} on {images:,} clean images in {seconds:.1f} s"
    )
    _print(found, len(loaded.test))
    say(
        f"Written: {sentence(out)} with {sentence(out.stem)}.json and {files.measurement_path(out).name}"
    )
    ctx.exit(found.exit_code)


def _print(found: Outcome, count: int) -> None:
    """Print the numbers before and after, and what they decide."""
    say(f"On {count:,} test images, with 95 % intervals:")
    say(f"  clean accuracy {found.before} -> {found.after}")
    for each in found.triggers:
        _print_trigger(each)
    _print_found(found)
    if found.problem:
        say(f"Not repaired: {found.problem}")
    elif found.undecided:
        say(f"Not decided: {found.undecided}")
    else:
        say("Repaired: no given trigger succeeds any more")


def _print_trigger(each: TriggerOutcome) -> None:
    kind = f"{'trigger' if each.given else 'unseen trigger'} {each.trigger.kind}"
    say(f"  {kind}, target {each.target}:")
    say(f"    attack success rate {each.before.success} -> {each.after.success}")
    say(f"    recovered accuracy  {each.before.recovered} -> {each.after.recovered}")
    if each.relearned is not None:
        original, repaired = each.relearned
        say(f"    success after one epoch with poisoned images: original {original}, "
            f"repaired {repaired}")  # fmt: skip
    if each.given and each.undecided:
        say(f"    not decided: {each.undecided}")


def _print_found(found: Outcome) -> None:
    """Print what a search for triggers found, if there was one."""
    if found.found is None:
        return
    if not found.found:
        say("  search for triggers: no class needs a much smaller mask than the others")
    for one in found.found:
        trigger = one.trigger
        size = f"{trigger.size:.1f} {trigger.mask.unit}, {trigger.ratio:.0%} of the median class"
        say(f"  found trigger {trigger.mask.kind}, target {trigger.target}: {size}")
        say(f"    attack success rate {one.before} -> {one.after}")


def _check(subject: Subject, data: DataSet, triggers: tuple[Trigger, ...]) -> None:
    """UsageError where the model cannot be repaired, or the data or triggers do not fit it."""
    from securemnist.backdoor.repair import files
    from securemnist.models import contract

    files.check_subject(subject)
    contract.check(subject, data.test[:8].images(), data.spec)
    for trigger in triggers:
        trigger.check_fits(*data.spec.shape)


def _trigger(text: str) -> Trigger:
    """The trigger of an inline TOML table; UsageError for other text."""
    from securemnist.backdoor import make_trigger

    return make_trigger(inline_table("--trigger or --unseen", text))
