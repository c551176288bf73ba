"""`securemnist calibrate`: scans of honest networks for data of the user's own."""

from __future__ import annotations

from pathlib import Path

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import check_writable, say
from securemnist.errors import UsageError


@click.command()
@click.argument("data", type=PATH)
@click.option("--out", type=PATH, required=True, help="A new folder.")
@click.option(
    "--minutes",
    type=click.FloatRange(0, 10_000, min_open=True),
    default=10.0,
    show_default=True,
    help="Time for the training of all networks.",
)
def calibrate(data: Path, out: Path, minutes: float) -> None:
    """Train clean networks, with which backdoor scans compare your model.

    They learn from the training split of DATA, and are scanned. A row of the measure backdoor_scan
    reads the folder: references = "FOLDER". Without it, scans of models for data other than MNIST
    are inconclusive.

    Exit codes: 0 written; 2 usage error.
    """
    from securemnist import data as data_sets
    from securemnist.calibration.scans import calibrate_scan
    from securemnist.view.progress import progress_bar

    if out.exists():
        raise UsageError(f"{out}: expected no file or folder, got one; name another with --out")
    check_writable(out)
    loaded = data_sets.load(data)
    with progress_bar() as progress:
        scans = calibrate_scan(loaded, out, seconds=60 * minutes, progress=progress)
    say(f"{len(scans.networks)} networks without a backdoor were scanned; written to {out}")
    say(f'In a row of backdoor_scan: references = "{out}"')
