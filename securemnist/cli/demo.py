"""`securemnist demo`: a page that compares two bundled models, or that of the whole pipeline."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Mapping
from pathlib import Path

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say
from securemnist.errors import UsageError

_OLD, _NEW = "baseline", "certified"


# Options of the pipeline, and the names of its sizes.
_SIZES = {"train-images": "training", "images": "test", "epochs": "epochs"}


@click.command()
@click.option(
    "--out",
    type=PATH,
    help="Folder of the page.  [default: reports/demo; with --pipeline reports/pipeline]",
)
@click.option("--no-browser", is_flag=True, help="Print the address of the page only.")
@click.option(
    "--pipeline", is_flag=True, help="Train, attack, poison and time four networks instead."
)
@click.option("--train-images", type=int, help="With --pipeline: training images (15,000).")
@click.option("--images", type=int, help="With --pipeline: test images (10,000).")
@click.option("--epochs", type=int, help="With --pipeline: epochs of the undefended network (3).")
@click.pass_context
def demo(
    ctx: click.Context,
    out: Path | None,
    no_browser: bool,
    pipeline: bool,
    train_images: int | None,
    images: int | None,
    epochs: int | None,
) -> None:
    """Compare two bundled models and open the page in a browser.

    The tier is smoke, without latency. `baseline` is undefended; `certified` was trained on interval
    bounds. Both are assessed against the bundled policy on MNIST. Takes about half a minute on two
    cores.

    With --pipeline: train an undefended network, two on attacked images and one on poisoned images;
    measure FGSM, PGD, the attack success rate of the trigger and the time of each. Takes minutes; the
    networks are kept in --out, and a second run loads them from there.

    Exit codes: 0 the page was written, whatever its verdicts; 2 or 3 it was not.
    """
    sizes = {"train-images": train_images, "images": images, "epochs": epochs}
    given = {name: value for name, value in sizes.items() if value is not None}
    if pipeline:
        page = _pipeline(out or Path("reports/pipeline"), given)
    elif given:
        raise UsageError(
            f"expected --{min(given)} with --pipeline only, got it without; add --pipeline or leave it "
            "out"
        )
    else:
        page = _comparison(ctx, out or Path("reports/demo"))
    if not no_browser and has_screen():
        webbrowser.open(page.as_uri())


def _comparison(ctx: click.Context, out: Path) -> Path:
    """The page that compares two bundled models."""
    from securemnist.cli.compare import compare
    from securemnist.errors import FAILED

    options = {"policy": Path("bundled"), "tier": "smoke", "out": out, "no_latency": True}
    code = 0
    try:
        ctx.invoke(compare, old=_OLD, new=_NEW, **options)
    except click.exceptions.Exit as end:
        code = end.exit_code
    if code not in (0, FAILED):
        ctx.exit(code)
    page = (out / "compare.html").resolve()
    say(
        f"{_NEW} withstands attacks that break {_OLD}, but misclassifies a few more unmodified samples; "
        f"the comparison reports both. The page: {page.as_uri()}"
    )
    return page


def _pipeline(out: Path, sizes: Mapping[str, int]) -> Path:
    """The page of the pipeline, with sizes by the name of their option."""
    from securemnist.data import DataSet
    from securemnist.pipeline.run import run
    from securemnist.pipeline.sizes import Sizes
    from securemnist.view.eta import Schedule
    from securemnist.view.progress import progress_bar

    chosen = Sizes(**{_SIZES[name]: value for name, value in sizes.items()})
    schedule = Schedule("step")
    with progress_bar(schedule) as progress:
        data = DataSet.load(None, progress=progress)
        page = run(out, data, chosen, say=say, progress=progress, schedule=schedule).resolve()
    say(f"The page: {page.as_uri()}")
    return page


def has_screen() -> bool:
    """Whether X11 or Wayland has a display for a browser."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
