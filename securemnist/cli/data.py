"""`securemnist data`: what a data set holds, how a project names it, and the record of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say, write_file
from securemnist.sanitize import sentence

if TYPE_CHECKING:
    from securemnist.data import DataSet
    from securemnist.data.inspection import ClassCount

_MOST_LISTED = 20


@click.group()
def data() -> None:
    """Inspect a data set, or record its digests."""


@data.command()
@click.argument("path", type=PATH)
@click.option("--out", type=PATH, help="Write a grid of images to this PNG.")
def inspect(path: Path, out: Path | None) -> None:
    """Print images, classes, copies and digests of a data set.

    PATH is a folder of IDX files, pictures (test/CLASS/*.png), Parquet files or CIFAR's .bin files. Or it
    is a file .npz, .parquet or .toml (docs/data.md).
    """
    from securemnist._util.resources import write_atomically
    from securemnist.data import inspection, load

    loaded = load(path)
    say(f"{sentence(loaded.name)}: {loaded.spec}")
    for split, samples in inspection.splits(loaded).items():
        kind = "bytes" if not samples.pixels.is_floating_point() else "float32"
        say(f"  {split}: {len(samples):,} images ({kind})")
    _classes(loaded, inspection.class_counts(loaded))
    say(f"Copies: {str(loaded.copies) or 'none found'}")
    for warning in inspection.warnings(loaded):
        say(f"Warning: {warning}")
    say(f"SHA-256 of the test split: {loaded.digest}")
    for name, digest in loaded.digests.items():
        if digest != loaded.digest:  # the splits of files of other kinds are named by their own
            say(f"  {name}: {digest}")
    if out is not None:
        write_atomically(out, inspection.grid(loaded))
        say(f"Grid of images: {out}")
    say("In pyproject.toml:\n")
    say(f"[tool.securemnist]\ndata = {json.dumps(str(path))}")


@data.command()
@click.argument("path", type=PATH, required=False)
@click.option(
    "--out",
    type=PATH,
    default=Path("security_tests/data-record.json"),
    show_default=True,
    help="The file to write; an older record is replaced.",
)
def record(path: Path | None, out: Path) -> None:
    """Record digests and statistics of a data set.

    A row of data_changes compares the data with this record.

    Without PATH it is the project's data, else MNIST. Record data that you trust (docs/supply-chain.md).
    """
    from securemnist.data import DataSet, recording
    from securemnist.project import settings
    from securemnist.supply_chain import data_record
    from securemnist.view.progress import progress_bar

    loaded = DataSet.load(path or settings.load(Path.cwd()).data)
    with progress_bar() as progress:
        recorded = recording.record(loaded, progress=progress)
    write_file(Path(), out, data_record.dumps(recorded))
    say(f"{out}: {sentence(loaded.name)} recorded")
    for split, samples in recorded.splits.items():
        odd = f"{100 * samples.disagreeing:.2f} % of {samples.compared:,}"
        say(
            f"  {split}: {samples.images:,} images, {samples.repeated:,} repeated; {odd} have another "
            "label than the nearest image"
        )


def _classes(loaded: DataSet, counts: list[ClassCount]) -> None:
    """Images a class and split; of many classes the smallest in the test split."""
    few = len(counts) <= _MOST_LISTED
    listed = counts if few else sorted(counts, key=lambda count: (count.test, count.label))
    listed = listed[:_MOST_LISTED]
    heading = "Images a class" if few else f"Images of the {len(listed)} smallest classes"
    say(f"{heading} (test, tuning, training):")
    for count in listed:
        name = loaded.spec.name_of(count.label)
        say(f"  {name}: {count.test:,}, {count.tuning:,}, {count.training:,}")
    if not few:
        rest = sorted(count.test for count in counts)[len(listed) :]
        size = f"{rest[0]:,}" if rest[0] == rest[-1] else f"{rest[0]:,} to {rest[-1]:,}"
        say(f"  {len(rest):,} other classes: {size} test images each")
