"""`securemnist assess`: run the suites on a model and write the report."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.options import (
    PATH,
    defence_option,
    endpoint_option,
    model_option,
    model_or_endpoint,
)
from securemnist.errors import UsageError
from securemnist.results.verdicts import TIERS

if TYPE_CHECKING:
    from securemnist.cli.job import Job


@click.command()
@model_option
@endpoint_option
@click.option("--demo", is_flag=True, help="The bundled model on the bundled policy.")
@click.option(
    "--policy",
    type=PATH,
    help="The policy; default: the project's. `bundled`: that of the package.",
)
@click.option("--tier", type=click.Choice(TIERS), default=None, help="Rows up to this tier run.")
@click.option("--row", "rows", multiple=True, metavar="ID", help="Only this row; may be repeated.")
@click.option("-m", "markers", default="", help="Only families that match, as in pytest.")
@defence_option
@click.option("--data", metavar="PATH", help="Data to use instead of the bundled MNIST.")
@click.option(
    "--replay",
    multiple=True,
    metavar="DIR",
    type=PATH,
    help="Report folder of an earlier run; searches try its adversarial examples first.",
)
@click.option(
    "--until-decided", is_flag=True, help="A search ends as soon as its verdict is certain."
)
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--out", type=PATH, default=Path("reports"), show_default=True)
@click.option(
    "--against", metavar="OLD", help="The older version: its assessment.json, or a model."
)
@click.option("--same-model", is_flag=True, help="Allow OLD to be the same model.")
# A comparison follows; the descriptor that closes when the process that compares ends.
@click.option("--one-of-two", type=int, hidden=True)
@click.option(
    "--project",
    "start",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Run as if started in DIR; --out stays relative to your folder.",
)
@click.option(
    "--list",
    "only_list",
    is_flag=True,
    help="Check the policy, print its rows and their times; measure nothing.",
)
@click.argument("suites", nargs=-1, type=PATH)
@click.pass_context
def assess(
    ctx: click.Context,
    model: str | None,
    endpoint: str | None,
    demo: bool,
    policy: Path | None,
    tier: str | None,
    rows: tuple[str, ...],
    markers: str,
    defence: str | None,
    data: str | None,
    replay: tuple[Path, ...],
    until_decided: bool,
    device: str,
    out: Path,
    against: str | None,
    same_model: bool,
    one_of_two: int | None,
    start: Path | None,
    only_list: bool,
    suites: tuple[Path, ...],
) -> None:
    """Measure every requirement of the policy and write the report.

    The verdicts are printed; the report is written to --out. With --against the model is also compared
    with OLD: the exit code covers both, and compare.html, .md and .json are written beside the report.

    SUITES are folders or files of suites; default: those of the package. Outside the checkout of
    securemnist a model is required: --model, --demo, a `model` fixture or the project's settings.
    """
    from securemnist.cli import child, defaults
    from securemnist.cli.job import Job
    from securemnist.project import settings

    if one_of_two is not None:
        child.end_with_parent(one_of_two)
    model = model_or_endpoint(model, endpoint)
    out = out.absolute() if start else out
    here = _enter_project(ctx, start, suites)
    policy_path = defaults.policy_of(policy, demo=demo)
    defaults.refuse_inside_a_project(policy_path, explicit=demo or policy is not None)
    job = Job(
        policy=str(policy_path),
        tier=tier,
        data=data,
        device=device,
        defence=defence,
        replay=tuple(map(str, replay)),
        until_decided=until_decided,
        markers=markers,
        rows=rows,
        suites=tuple(map(str, suites)),
    )
    if only_list:
        _list(dataclasses.replace(job, spec=settings.DEFAULT_MODEL if demo else model))
        return
    from securemnist import report
    from securemnist._util import resources
    from securemnist._util.files import exists

    if until_decided and against is not None:
        raise UsageError(
            "expected complete searches for a comparison with an older version, got --until-decided; "
            "leave out --until-decided or --against"
        )
    fixture = not (model or demo) and here != resources.ROOT and exists(here / "conftest.py")
    spec = defaults.model_of(model, policy_path, demo=demo)
    if spec is None and not fixture:
        raise UsageError(settings.NO_MODEL.format(policy=settings.policy_name(policy_path, here)))
    defaults.check_policy_is_chosen(policy_path, explicit=bool(demo or policy or model))
    report.check_report(out)
    # A `model` fixture takes precedence over the model of the project's settings.
    job = dataclasses.replace(job, spec=None if fixture else spec, conftest=fixture)
    ctx.exit(_run(job, out, against, same_model=same_model, one_of_two=one_of_two is not None))


def _list(job: Job) -> None:
    """Check the policy and the defence of a job, and print its rows."""
    from securemnist.api.inputs import as_defence
    from securemnist.cli.row_list import print_rows

    if job.defence is not None:
        as_defence(job.defence)
    print_rows(job)


def _run(job: Job, out: Path, against: str | None, *, same_model: bool, one_of_two: bool) -> int:
    """Measure a job, also against an older version where one is named; the exit code."""
    from securemnist.cli import older_version, runner

    if against is None:
        code, assessment = runner.run(job, out, private=one_of_two)
        if assessment is not None and not one_of_two:
            older_version.print_unchecked_bounds(assessment)
        return code
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "old"
        old, compare = older_version.prepare(job, against, folder, same_model=same_model)
        digest = str(old.subject.get("digest", ""))
        refusing = dataclasses.replace(job, refused="" if same_model else digest)
        code, _ = runner.run(refusing, out, compare)
    return code


def _enter_project(ctx: click.Context, start: Path | None, suites: tuple[Path, ...]) -> Path:
    """The project's folder, which becomes the working folder until the command ends."""
    if start is not None:
        ctx.with_resource(contextlib.chdir(start))
    for suite in suites:
        if not Path(str(suite).partition("::")[0]).exists():
            raise UsageError(f"expected suites that exist, got {str(suite)!r}; name another path")
    return Path.cwd()
