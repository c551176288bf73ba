"""`securemnist measure`: one measurement, without a policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.options import (
    PATH,
    defence_option,
    endpoint_option,
    images_option,
    model_option,
    model_or_endpoint,
)
from securemnist.cli.output import check_writable, say, write_file
from securemnist.errors import UNDECIDED, UsageError

if TYPE_CHECKING:
    from securemnist.api.measurement import Measurement


@click.command()
@click.argument("measure_name", metavar="MEASURE")
@model_option
@endpoint_option
@click.option("--demo", is_flag=True, help="Measure the bundled model `certified`.")
@click.option("--threat", metavar="NORM:EPS[,...]", help="Such as linf:0.3; several: worst of all.")
@click.option("--attack", metavar="NAME[:KEY=VALUE,...]", help="For example PGD:steps=40.")
@defence_option
@images_option(type=int, help="Test images to measure; default: all.")
@click.option(
    "--set",
    "others",
    multiple=True,
    metavar="KEY=VALUE",
    help="Another setting of the measure, as TOML.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--data", type=PATH, help="Data instead of the bundled MNIST.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--json", "target", type=PATH, help="Write the measurement to this file.")
@click.pass_context
def measure(
    ctx: click.Context,
    measure_name: str,
    model: str | None,
    endpoint: str | None,
    demo: bool,
    threat: str | None,
    attack: str | None,
    defence: str | None,
    images: int | None,
    others: tuple[str, ...],
    seed: int,
    data: Path | None,
    device: str,
    target: Path | None,
) -> None:
    """Take one measurement and print it.

    Exit codes: 0 measured, 2 usage error, 3 it could not be measured.
    """
    from securemnist import measures
    from securemnist._util import resources
    from securemnist._util.hashing import json_file
    from securemnist.api.inputs import as_settings
    from securemnist.api.measurement import measure as measure_model
    from securemnist.cli import defaults
    from securemnist.evaluation.ladders import parse_setting
    from securemnist.project import settings as projects
    from securemnist.runtime.malloc import keep_freed_memory

    settings = as_settings(threat, attack, {} if images is None else {"images": images}, defence)
    for pair in others:
        settings |= parse_setting(pair)
    measures.bind(measure_name, settings)
    found = measures.find(measure_name)
    chosen = model_or_endpoint(model, endpoint)
    spec = defaults.model_of(chosen, resources.POLICY, demo=demo)
    if spec is None and not (found is not None and found.of_project):
        raise UsageError(
            "expected a model, got none (fixtures are used by pytest and `assess` only); pass --model "
            "SPEC, set model = SPEC in [tool.securemnist], or pass --demo for the bundled model"
        )
    if target is not None:
        check_writable(target, "name another with --json")
    folder = data or projects.load(Path.cwd()).data
    keep_freed_memory()
    measured = measure_model(measure_name, spec, folder, seed=seed, device=device, **settings)
    if target is not None:
        record = {**measured.to_json(), "model": spec}
        write_file(Path(), target, json_file(record, sort_keys=True))
    _print(measured, seed)
    if measured.inconclusive:
        ctx.exit(UNDECIDED)


def _print(measured: Measurement, seed: int) -> None:
    """Print the number with its interval, and what it rests on."""
    if subject := measured.subject:
        say(f"{subject['name']} ({subject['digest'][:12]}) on {measured.data['name']}", err=True)
    if measured.unit == "share":
        interval = f"95 % interval for new images {measured.low:.4f}-{measured.high:.4f}; "
        say(
            f"{measured.measure} {measured.value:.4f} on {measured.n:,} images "
            f"({interval * measured.has_interval}{measured.seconds:.1f} s, seed {seed})"
        )
    else:
        say(f"{measured.measure} {measured.value:g} {measured.unit}")
    for note in filter(None, (measured.bracket, measured.sensitivity, measured.smoothing)):
        say(note)
    if measured.queries_per_image:
        say(f"at most {measured.queries_per_image:,} queries an image")
    for doubt in measured.doubts:
        say(f"doubt: {doubt.name}: {doubt.reason}; {doubt.advice}")
    if measured.inconclusive:
        say(f"inconclusive: {measured.inconclusive}", err=True)
