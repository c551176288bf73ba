"""`securemnist assess`: run the suites on a model and write the report."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import warnings
from pathlib import Path
from types import ModuleType

import click

from securemnist import resources
from securemnist.assessment import Assessment
from securemnist.errors import UNDECIDED, USAGE, UsageError
from securemnist.findings import TIERS

# Settings of pytest that do not depend on the folder the command is started in.
_INI = Path(__file__).with_name("assess.ini")


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
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
@click.option(
    "--against", metavar="OLD", help="The version before: its assessment.json, or a model."
)
@click.option("--same-model", is_flag=True, help="Allow OLD to be this very model.")
@click.option(
    "--list", "only_list", is_flag=True, help="Print the rows and their times; run nothing."
)
@click.argument("suites", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.pass_context
def assess(
    ctx: click.Context,
    model: str | None,
    policy: Path | None,
    tier: str | None,
    rows: tuple[str, ...],
    markers: str,
    data: str | None,
    device: str,
    out: Path,
    against: str | None,
    same_model: bool,
    only_list: bool,
    suites: tuple[Path, ...],
) -> None:
    """Measure every requirement of the policy, print the verdicts, write the report to --out.

    With --against the exit code is that of the comparison with OLD, too, and compare.html, .md and
    .json lie beside the report.

    SUITES are folders or files of suites; default: those of the package.
    """
    from securemnist import settings

    here = Path.cwd()
    project = settings.load(here)
    chosen = _policy(policy, project.policy, here)
    if only_list:
        _print_rows(chosen)
        return
    from securemnist import report
    from securemnist.cli import versions
    from securemnist.compare.comparison import compare

    _check_rows(chosen, rows)
    report.check_writable(out)
    conftest = None if model else _conftest(here)
    spec = model or project.model
    if conftest is None:
        _try_out(spec, device, data or project.data)
    options = {"model": spec, "policy": chosen, "tier": tier, "data": data, "device": device}
    arguments = _pytest_arguments(here, suites, options)
    if markers:
        arguments += ["-m", markers]
    if rows:
        arguments += ["-k", " or ".join(f"[{row}]" for row in rows)]
    old = None
    if against is not None:
        words = [
            f"--{name}={value}" for name, value in options.items() if value and name != "model"
        ]
        words += [*(f"--row={row}" for row in rows), "-m", markers, *map(str, suites)]
        old = versions.find(against, words)
    code, made = _run(arguments, out, conftest)
    if old is None and made is not None:
        versions.tell_of_bounds(made)
    if old is not None and made is not None and made.subject.get("digest"):
        code = versions.conclude(compare(old, made, same_model=same_model), out)
    ctx.exit(code)


def _policy(named: Path | None, configured: str | None, here: Path) -> Path:
    """--policy, or the project's own, or the one that the package brings."""
    if named is not None:
        return named
    if configured:
        return here / configured
    own = here / "security_tests" / "thresholds.toml"
    return own if own.is_file() else resources.POLICY


def _check_rows(policy: Path, rows: tuple[str, ...]) -> None:
    """A policy that cannot be judged, or a row that it does not have, ends the command at once."""
    from securemnist import measures
    from securemnist import policy as policies

    read = policies.load(policy)
    measures.check_policy(read, foreign=frozenset(row.measure for row in read.requirements))
    known = [row.id for row in read.requirements]
    for row in rows:
        if row not in known:
            raise UsageError(
                f"expected a row of {policy} ({', '.join(known)}), got {row!r}; mend --row"
            )


def _print_rows(policy: Path) -> None:
    """The rows of a policy, in its order, each with an estimate of its time on two cores."""
    from rich.console import Console
    from rich.table import Table

    from securemnist import policy as policies
    from securemnist.findings import describe
    from securemnist.measures import MEASURES, bind, check_policy

    read = policies.load(policy)
    check_policy(read)
    table = Table("id", "tier", "measure", "threshold", "settings", "about", box=None)
    for row in read.requirements:
        measure = MEASURES[row.measure]
        seconds = measure.estimate(bind(row.measure, row.settings, tier=row.tier))
        bound = f"{row.relation} {row.threshold:g}"
        table.add_row(
            row.id, row.tier, row.measure, bound, describe(row.settings), f"{seconds:.0f} s"
        )
    Console().print(table)


def _try_out(spec: str, device: str, data: str | None) -> None:
    """Find the model and the data before anything runs: a wrong one ends the command in a sentence."""
    from securemnist import data as data_sets
    from securemnist import subjects
    from securemnist.evaluation.lab import Lab

    Lab(subjects.resolve(spec, device=device), data_sets.load(Path(data) if data else None))


def _conftest(here: Path) -> ModuleType | None:
    """The conftest.py of the user's folder: it may bring a `model` fixture. It is code, and trusted."""
    path = here / "conftest.py"
    if not path.is_file() or here == resources.ROOT:
        return None
    spec = importlib.util.spec_from_file_location("conftest", path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(here))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(
            f"{path}: expected a conftest that imports, got {type(error).__name__} ({error}); mend it"
        ) from error
    return module


def _pytest_arguments(
    here: Path, suites: tuple[Path, ...], options: dict[str, object]
) -> list[str]:
    """Arguments for pytest: our plugins only, nothing written, nothing captured, no output of its own."""
    words = [str(path) for path in suites or (resources.SUITES,)]
    words += ["-c", str(_INI), "--rootdir", str(here), f"--confcutdir={resources.SUITES}"]
    words += ["--disable-plugin-autoload", "-p", "securemnist.plugin"]
    words += ["-p", "pytest_benchmark.plugin"]
    words += ["-p", "no:cacheprovider", "-p", "no:terminal", "--capture=no"]
    words += [f"--security-{name}={value}" for name, value in options.items() if value is not None]
    return words


def _run(
    arguments: list[str], out: Path, conftest: ModuleType | None
) -> tuple[int, Assessment | None]:
    """Run the suites in this process: the exit code, and the assessment where one was made."""
    import pytest
    from rich.console import Console

    from securemnist._memory import keep_freed_memory
    from securemnist.cli.display import progress_bar
    from securemnist.cli.watcher import Watcher
    from securemnist.plugin import progress
    from securemnist.report.terminal import print_assessment

    keep_freed_memory()
    with tempfile.TemporaryDirectory() as scratch:
        extra = Path(scratch) / "junit.xml", Path(scratch) / "benchmark.json"
        arguments += [f"--junitxml={extra[0]}", f"--benchmark-json={extra[1]}"]
        arguments += ["--benchmark-quiet", f"--benchmark-storage=file://{scratch}/storage"]
        arguments += [f"--security-report={scratch}/report"]
        watcher = Watcher(conftest)
        with progress_bar() as display, warnings.catch_warnings():
            # Without a latency row in scope there is nothing to save, and nothing to warn of.
            warnings.filterwarnings("ignore", message="Not saving anything, no benchmarks")
            progress.show(display)
            code = pytest.main(arguments, plugins=[watcher])
        written = Path(scratch) / "report" / "assessment.json"
        if code not in (0, 1, 2, 5) or not written.is_file():
            for problem in watcher.problems:
                click.echo(problem, err=True)
            wrong = code == pytest.ExitCode.USAGE_ERROR or watcher.problems
            return USAGE if wrong else UNDECIDED, None
        _publish([*(Path(scratch) / "report").iterdir(), *extra], out)
        assessment = Assessment.load(out / "assessment.json")
    print_assessment(assessment, Console())
    click.echo(f"report: {out / 'index.html'}")
    return assessment.exit_code, assessment


def _publish(made: list[Path], out: Path) -> None:
    """Move the finished files to their place, each by a rename; what was not made is left out."""
    for path in made:
        content = path.read_bytes() if path.is_file() else b""
        if content:
            resources.write_atomically(out / path.name, content)
