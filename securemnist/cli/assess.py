"""`securemnist assess`: run the suites on a model and write the report."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import click

from securemnist.errors import UsageError
from securemnist.findings import TIERS


@click.command()
@click.option(
    "--model", metavar="SPEC", help="NAME, pkg.module:factory, FILE.safetensors, ARCH@FILE."
)
@click.option(
    "--policy", type=click.Path(path_type=Path), help="The policy; default: the project's."
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

    SUITES are folders or files of suites; default: those of the package.
    """
    from securemnist import settings
    from securemnist.cli.chosen import policy_of, refuse_inside_a_project

    out = out.absolute() if start else out
    here = _started(ctx, start, suites)
    project = settings.load(here)
    chosen = policy_of(policy)
    refuse_inside_a_project(chosen)
    if only_list:
        _print_rows(chosen)
        return
    from securemnist import report
    from securemnist.cli import runner, versions

    if until_decided and against is not None:
        raise UsageError(
            "expected searches that end, to compare them with an older version's, got --until-decided; "
            "leave it or --against out"
        )
    _check_rows(chosen, rows, own=bool(suites))
    conftest = None if model else runner.conftest_of(here)
    spec = model or project.model_for(chosen)
    if spec is None and conftest is None:
        raise UsageError(settings.NO_MODEL.format(policy=chosen))
    tried = _try_out(spec if conftest is None else None, device, data or project.data, replay)
    report.check_writable(out)
    options: dict[str, object] = {
        "model": spec,
        "policy": chosen,
        "tier": tier,
        "data": data,
        "device": device,
    }
    arguments = runner.pytest_arguments(here, suites, options)
    arguments += [f"--security-replay={folder}" for folder in replay]
    if until_decided:
        arguments.append("--security-until-decided")
    if markers:
        arguments += ["-m", markers]
    if rows:
        arguments += ["-k", " or ".join(f"[{row}]" for row in rows)]
    words = [f"--{name}={value}" for name, value in options.items() if value and name != "model"]
    words += [*(f"--replay={folder}" for folder in replay), *(f"--row={row}" for row in rows)]
    words += [*(("-m", markers) if markers else ()), *map(str, suites)]
    with tempfile.TemporaryDirectory() as scratch:
        older = None
        if against is not None:
            new = spec if conftest is None else None
            where = versions.Where(data or project.data, device)
            versions.check_specs(against, tried, where, same_model=same_model)
            older = versions.Older(
                against,
                versions.find(against, words, Path(scratch) / "old"),
                Path(scratch) / "old",
                new,
                where,
                same_model,
            )
            versions.check_subjects(older.assessment, tried, same_model=same_model)
        code, made = runner.run(arguments, out, conftest, older.compare if older else None)
        if older is None and made is not None:
            versions.tell_of_bounds(made)
    ctx.exit(code)


def _started(ctx: click.Context, start: Path | None, suites: tuple[Path, ...]) -> Path:
    """The folder of the project, which is the working folder for as long as the command runs."""
    if start is not None:
        ctx.with_resource(contextlib.chdir(start))
    for suite in suites:
        if not Path(str(suite).partition("::")[0]).exists():
            raise UsageError(f"expected suites that exist, got {str(suite)!r}; name another path")
    return Path.cwd()


def _check_rows(policy: Path, rows: tuple[str, ...], *, own: bool) -> None:
    """A policy that cannot be judged, or a row that it does not have, ends the command at once.

    With suites of one's `own` the plugin checks, once it knows them, that some claims each measure.
    """
    from securemnist import measures
    from securemnist import policy as policies

    read = policies.load(policy)
    foreign = {row.measure for row in read.requirements} if own else ()
    measures.check_policy(read, foreign=frozenset(foreign))
    known = [row.id for row in read.requirements]
    for row in rows:
        if row not in known:
            raise UsageError(
                f"expected a row of {policy} ({', '.join(known)}), got {row!r}; mend --row"
            )


def _print_rows(policy: Path) -> None:
    """The rows of a policy, in its order, each with a bound of its time on two cores.

    As if nothing fell and nothing were proved: what a model takes, its first run tells.
    """
    from rich.table import Table
    from rich.text import Text

    from securemnist import policy as policies
    from securemnist.cli.display import console
    from securemnist.findings import describe
    from securemnist.measures import MEASURES, bind, check_policy
    from securemnist.text import line

    read = policies.load(policy)
    check_policy(read)
    table = Table("id", "tier", "measure", "threshold", "settings", "at most", box=None)
    for row in read.requirements:
        measure = MEASURES[row.measure]
        seconds = measure.estimate(bind(row.measure, row.settings, tier=row.tier))
        bound = f"{row.relation} {row.threshold:g}"
        cells = row.id, row.tier, row.measure, bound, describe(row.settings), f"{seconds:.0f} s"
        table.add_row(*(Text(line(cell, 1_000)) for cell in cells))  # text, never rich's markup
    console().print(table)


def _try_out(
    spec: str | None, device: str, data: str | None, replay: tuple[Path, ...]
) -> dict[str, Any]:
    """The subject as an assessment will record it: a wrong name ends the command before anything runs.

    Empty without a SPEC: the model comes from a fixture, and is tried where it is made.
    """
    from securemnist import data as data_sets
    from securemnist import subjects
    from securemnist.evaluation import shelf
    from securemnist.evaluation.lab import Lab

    digits = data_sets.load(Path(data) if data else None)
    shelf.load(replay, digits)
    if spec is None:
        return {}
    subject = Lab(subjects.resolve(spec, device=device), digits).subject
    return {**subject.to_json(), "data": {"name": digits.name, "digests": digits.digests}}
