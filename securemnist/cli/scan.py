"""`securemnist scan`: triage of model files, without reading any in the usual way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say
from securemnist.errors import FAILED
from securemnist.sanitize import sentence

if TYPE_CHECKING:
    from securemnist.foreign.outcome import Triage

_LARGE = 1 << 26
_SHOWN = 5  # reasons of a file on the terminal


@click.command()
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def scan(ctx: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Print whether model files are clean or malicious.

    Nothing in FILES is run. Torch checkpoints, pickles, NumPy arrays, Keras, HDF5, ONNX and safetensors
    files are known by their content.


    Exit codes: 0 all clean; 1 one is malicious; 2 usage error; 3 one could not be scanned.
    """
    from securemnist.foreign.triage import triage
    from securemnist.view.progress import progress_bar

    found = []
    with progress_bar() as progress:
        for number, path in enumerate(files):
            progress(f"scanning {sentence(path.name)}", number, len(files))
            announce(path)
            judged = triage(path)[0]
            found.append(judged)
            if not as_json:
                show(judged)
        progress("scanning", len(files), len(files))
    if as_json:
        say(json.dumps([judged.to_json() for judged in found], indent=1))
    codes = {judged.outcome.exit_code for judged in found}
    ctx.exit(FAILED if FAILED in codes else max(codes))


def announce(path: Path) -> None:
    """Say that a large file is being scanned, which takes seconds."""
    if path.is_file() and (size := path.stat().st_size) > _LARGE:
        say(f"scanning {sentence(path.name)}, {size:,} bytes", err=True)


def show(judged: Triage) -> None:
    """Print the outcome of a file, and its reasons."""
    second = f"; {judged.second}" if judged.second.startswith("picklescan") else ""
    say(f"{sentence(judged.file)}: {judged.outcome.value} ({judged.kind}{second})")
    for reason in judged.reasons[:_SHOWN]:
        say(f"  {reason}")
    if len(judged.reasons) > _SHOWN:
        say(f"  and {len(judged.reasons) - _SHOWN} more, in the output of scan --json")
