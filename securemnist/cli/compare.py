"""`securemnist compare`: whether a new version of a model may replace the old one."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.options import PATH
from securemnist.errors import UsageError
from securemnist.results.verdicts import TIERS

if TYPE_CHECKING:
    from securemnist.comparison.comparison import Comparison


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--out", type=PATH, default=Path("reports"), show_default=True)
@click.option(
    "--margin",
    type=float,
    default=0.01,
    show_default=True,
    help="Shares that differ by less are the same.",
)
@click.option("--same-model", is_flag=True, help="Allow OLD and NEW to be the same model.")
@click.option("--policy", type=PATH, help="For models: the policy.")
@click.option("--tier", type=click.Choice(TIERS), help="For models: rows up to this tier.")
@click.option("--row", "rows", multiple=True, metavar="ID", help="For models: only this row.")
@click.option("--data", metavar="PATH", help="For models: data instead of MNIST.")
@click.option("--device", help="For models: cpu or cuda.")
@click.option("--no-latency", is_flag=True, help="For models: do not time them.")
@click.pass_context
def compare(
    ctx: click.Context,
    old: str,
    new: str,
    out: Path,
    margin: float,
    same_model: bool,
    policy: Path | None,
    tier: str | None,
    rows: tuple[str, ...],
    data: str | None,
    device: str | None,
    no_latency: bool,
) -> None:
    """Compare a new version of a model with an old one.

    The differences are printed; compare.html, .md and .json are written to --out. OLD and NEW are each
    an assessment.json or a model. Models are assessed first, into the folders old and new of --out.
    Then the adversarial examples of either are tried on both, and both are timed in turn.

    Exit codes: 0 NEW may replace OLD, 1 it is worse or fails, 2 usage error, 3 undecided.
    """
    from securemnist import report
    from securemnist.cli import older_version
    from securemnist.cli.defaults import data_of
    from securemnist.comparison.comparison import compare as compare_assessments

    report.check_writable(out)
    options = {"policy": policy, "tier": tier, "data": data, "device": device}
    words = [f"--{name}={value}" for name, value in options.items() if value is not None]
    words += [f"--row={row}" for row in rows]
    words_of_models = words + ["--no-latency"] * no_latency
    versions = {"old": old, "new": new}
    files = [name for name, version in versions.items() if older_version.is_file(version)]
    if words_of_models and len(files) == len(versions):
        raise UsageError(
            "expected no option for models with two stored assessments, got "
            f"{words_of_models[0]}; leave it out"
        )
    with tempfile.TemporaryDirectory(prefix="securemnist.") as scratch:
        measured = Path(scratch)  # of this run alone; the folders of --out are for people
        found = {}
        # Files are read before a report of this run may replace them.
        for name in sorted(versions, key=lambda name: name not in files):
            found[name] = older_version.find(versions[name], words, measured / name)
            older_version.keep(measured, out)
        sides = [found[name] for name in versions]
        if not files:
            place = data_of(data)  # the data that `assess` used for both
            examples = [(versions[name], found[name], measured / name) for name in versions]
            sides = older_version.replay_on_both(examples, place, device or "cpu")
        comparison = compare_assessments(*sides, margin=margin, same_model=same_model)
        if not files and not no_latency:
            comparison = _timed(comparison, old, new, place, device or "cpu")
        code = older_version.conclude(comparison, measured, out)
    ctx.exit(code)


def _timed(
    comparison: Comparison, old: str, new: str, place: str | None, device: str
) -> Comparison:
    """The comparison with the times of both models, measured in turn."""
    from securemnist.api.comparison import timed
    from securemnist.data import DataSet

    latency = timed(old, new, DataSet.load(place), device)
    return dataclasses.replace(comparison, latency=latency)
