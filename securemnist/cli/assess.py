"""`securemnist assess`: run the suites on a model and write the report."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.errors import UsageError
from securemnist.results.findings import TIERS

if TYPE_CHECKING:
    from securemnist.cli.job import Job
    from securemnist.cli.older_version import Older


@click.command()
@click.option(
    "--model", metavar="SPEC", help="NAME, pkg.module:factory, FILE.safetensors, ARCH@FILE."
)
@click.option("--demo", is_flag=True, help="The bundled model on the bundled policy.")
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    help="The policy; default: the project's. `bundled`: the one of the package.",
)
@click.option("--tier", type=click.Choice(TIERS), default=None, help="Rows up to this tier run.")
@click.option("--row", "rows", multiple=True, metavar="ID", help="Only this row; may be repeated.")
@click.option("-m", "markers", default="", help="Only families that match, as in pytest.")
@click.option("--data", metavar="DIR", help="IDX files to use instead of the bundled MNIST.")
@click.option(
    "--replay",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Report of an assessment: searches begin with the adversarial examples it kept.",
)
@click.option(
    "--until-decided", is_flag=True, help="A search ends as soon as its verdict is certain."
)
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
@click.option(
    "--against", metavar="OLD", help="The version before: its assessment.json, or a model."
)
@click.option("--same-model", is_flag=True, help="Allow OLD to be this very model.")
@click.option(
    "--project",
    "start",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Start in this folder, as if called there; --out stays relative to yours.",
)
@click.option(
    "--list", "only_list", is_flag=True, help="Print the rows and their times; run nothing."
)
@click.argument("suites", nargs=-1, type=click.Path(path_type=Path))
@click.pass_context
def assess(
    ctx: click.Context,
    model: str | None,
    demo: bool,
    policy: Path | None,
    tier: str | None,
    rows: tuple[str, ...],
    markers: str,
    data: str | None,
    replay: tuple[Path, ...],
    until_decided: bool,
    device: str,
    out: Path,
    against: str | None,
    same_model: bool,
    start: Path | None,
    only_list: bool,
    suites: tuple[Path, ...],
) -> None:
    """Measure every requirement of the policy, print the verdicts, write the report to --out.

    With --against the exit code is that of the comparison with OLD, too, and compare.html, .md and
    .json lie beside the report.

    SUITES are folders or files of suites; default: those of the package. Outside the checkout of
    securemnist the model has to be named: by --model, --demo, a `model` fixture or the settings.
    """
    from securemnist.cli import defaults as choices
    from securemnist.project import settings

    out = out.absolute() if start else out
    here = _started(ctx, start, suites)
    project = settings.load(here)
    chosen = choices.policy_of(policy, demo=demo)
    choices.refuse_inside_a_project(chosen, named=demo or policy is not None)
    if only_list:
        _print_rows(chosen)
        return
    from securemnist import report
    from securemnist._util import resources
    from securemnist._util.files import exists
    from securemnist.cli import older_version, runner
    from securemnist.cli.job import Job

    if until_decided and against is not None:
        raise UsageError(
            "expected searches that end, to compare them with an older version's, got --until-decided; "
            "leave it or --against out"
        )
    fixture = not (model or demo) and here != resources.ROOT and exists(here / "conftest.py")
    spec = choices.model_of(model, chosen, demo=demo, fixture=fixture)
    choices.check_policy_is_chosen(chosen, named=bool(demo or policy or model))
    report.check_writable(out)
    job = Job(
        policy=str(chosen),
        spec=spec,
        conftest=fixture,
        tier=tier,
        data=data,
        project_data=project.data,
        device=device,
        replay=tuple(map(str, replay)),
        until_decided=until_decided,
        markers=markers,
        rows=rows,
        suites=tuple(map(str, suites)),
        trusted=tuple(project.trusted),
    )
    if against is None:
        code, made = runner.run(job, out)
        if made is not None:
            older_version.tell_of_bounds(made)
        ctx.exit(code)
    with tempfile.TemporaryDirectory() as scratch:
        older = None
        if against is not None:
            folder = Path(scratch) / "old"
            older = _older_version(job, against, folder, same_model=same_model)
            digest = str(older.assessment.subject.get("digest", ""))
            job = dataclasses.replace(job, refused="" if same_model else digest)
        code, made = runner.run(job, out, older.compare if older else None)
        if older is None and made is not None:
            older_version.tell_of_bounds(made)
    ctx.exit(code)


def _started(ctx: click.Context, start: Path | None, suites: tuple[Path, ...]) -> Path:
    """The folder of the project, which is the working folder for as long as the command runs."""
    if start is not None:
        ctx.with_resource(contextlib.chdir(start))
    for suite in suites:
        if not Path(str(suite).partition("::")[0]).exists():
            raise UsageError(f"expected suites that exist, got {str(suite)!r}; name another path")
    return Path.cwd()


def _older_version(job: Job, against: str, folder: Path, *, same_model: bool) -> Older:
    """The older version, assessed; a job that cannot be done is refused before anything is measured."""
    from securemnist.cli import older_version, worker

    worker.check_rows(job)
    tried = worker.try_out(None if job.conftest else job.spec, job)
    options = {"policy": job.policy, "tier": job.tier, "data": job.data, "device": job.device}
    words = [f"--{name}={value}" for name, value in options.items() if value]
    words += [*(f"--replay={name}" for name in job.replay), *(f"--row={row}" for row in job.rows)]
    words += [*(("-m", job.markers) if job.markers else ()), *job.suites]
    where = older_version.Where(job.data or job.project_data, job.device)
    older_version.check_specs(against, tried, where, same_model=same_model)
    old = older_version.find(against, words, folder)
    older_version.check_subjects(old, tried, same_model=same_model)
    new = None if job.conftest else job.spec
    return older_version.Older(against, old, folder, new, where, same_model)


def _print_rows(policy: Path) -> None:
    """The rows of a policy, in its order, each with a bound of its time on two cores.

    As if nothing fell and nothing were proved: what a model takes, its first run tells.
    """
    from rich.table import Table
    from rich.text import Text

    from securemnist.cli.defaults import warn_of_ids
    from securemnist.cli.display import console
    from securemnist.evaluation.pace import DEFAULT_PACE
    from securemnist.measures import bind, check_policy, find
    from securemnist.project import settings
    from securemnist.project.settings import policy_name
    from securemnist.results import policy as policies
    from securemnist.results.findings import describe
    from securemnist.sanitize import line

    read = policies.load(policy)
    check_policy(read, trusted=settings.load(Path.cwd()).trusted)
    warn_of_ids(read)
    named = policy_name(policy, Path.cwd())
    table = Table(title=f"rows of {named}", title_justify="left", box=None)
    for title in ("id", "tier", "measure", "threshold", "settings", "at most"):
        table.add_column(title)
    for row in read.requirements:
        measure = find(row.measure)
        if measure is None:
            continue  # refused above
        seconds = measure.estimate(bind(row.measure, row.settings, tier=row.tier), DEFAULT_PACE)
        bound = f"{row.relation} {row.threshold:g}"
        cells = row.id, row.tier, row.measure, bound, describe(row.settings), f"{seconds:.0f} s"
        table.add_row(*(Text(line(cell, 1_000)) for cell in cells))  # text, never rich's markup
    console().print(table)
