"""`securemnist import`: the weights of a checkpoint from elsewhere as safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.defaults import data_of
from securemnist.cli.options import PATH
from securemnist.cli.output import say
from securemnist.cli.scan import announce, show
from securemnist.sanitize import sentence

if TYPE_CHECKING:
    from securemnist.foreign.importing import Imported
    from securemnist.input_spec import InputSpec

_ADVICE = (
    "ask its author for safetensors, or save its state dict alone (torch.save(model.state_dict(), ...)) "
    "where the file is trusted"
)


@click.command("import")
@click.argument("file", type=PATH)
@click.option(
    "-o",
    "--out",
    type=PATH,
    help="The new file, NAME.safetensors; its manifest is NAME.json. By default beside FILE.",
)
@click.option(
    "--architecture",
    help="A name such as A, or a SPEC such as pkg.module:factory, that the weights have to fit.",
)
@click.option("--data", help="Data whose images the architecture is for, instead of MNIST.")
@click.option("--key", help="The entry of the checkpoint that holds the state dict.")
@click.option("--float32", is_flag=True, help="Write tensors of 16 bits as float32.")
@click.option("--scan-only", is_flag=True, help="Print the triage, and import nothing.")
@click.pass_context
def import_weights(
    ctx: click.Context,
    file: Path,
    out: Path | None,
    architecture: str | None,
    data: str | None,
    key: str | None,
    float32: bool,
    scan_only: bool,
) -> None:
    """Import the weights of a checkpoint of other people as safetensors.

    Triage comes first; a clean FILE is read in a confined process.
    FILE is what `torch.save` wrote, or an .npz of arrays. No file is overwritten.


    Exit codes: 0 imported (with --scan-only: clean); 1 malicious; 2 usage error;
    3 could not be scanned or imported.
    """
    from securemnist.foreign import importing
    from securemnist.foreign.triage import triage

    announce(file)
    if scan_only:
        judged, _ = triage(file)
        show(judged)
        ctx.exit(judged.outcome.exit_code)
    form = _form(architecture, data)
    target = out or file.with_suffix(".safetensors")
    request = importing.Request(file, target, key, architecture, form, float32)
    judged, content = importing.judge(request)
    show(judged)
    if judged.outcome.exit_code:
        say(f"nothing was imported; {_ADVICE}", err=True)
        ctx.exit(judged.outcome.exit_code)
    say("reading it in a confined process", err=True)
    _print(target, importing.run(request, judged, content), fitted=bool(architecture))


def _form(architecture: str | None, data: str | None) -> InputSpec:
    """The form of the images of an architecture: of --data or the project's data, else MNIST's."""
    from securemnist.input_spec import MNIST

    chosen = data_of(data) if architecture else None
    if chosen is None:
        return MNIST
    from securemnist.data import DataSet

    return DataSet.load(chosen).spec


def _print(target: Path, done: Imported, *, fitted: bool) -> None:
    """Print what was written and what was left out."""
    origin = done.origin
    entry = f" of {' > '.join(map(sentence, origin['entry']))}" if origin["entry"] else ""
    prefix = f", without the prefix {origin['prefix']!r} of all names" if origin["prefix"] else ""
    say(f"{sentence(target)}: {done.count:,} tensors, {done.values:,} values{entry}{prefix}")
    if origin["left_out"]:
        say(f"  left out: {', '.join(map(sentence, origin['left_out'][:20]))}")
    limits = "limits of memory, time, files and processes, and a hook that refuses all else"
    if not fitted:
        say(
            "  not compared with a network: --architecture SPEC keeps its names and checks that all fit"
        )
    say(f"  read in a process with {origin['confined']}, {limits}")
