"""The measuring process of `assess`: pytest over the suites."""

from __future__ import annotations

import functools
import importlib.util
import warnings
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from securemnist._util import resources
from securemnist._util.user_code import place
from securemnist.cli.child import end_with_parent
from securemnist.cli.endings import ending
from securemnist.cli.job import Job, Outcome
from securemnist.cli.output import print_endpoint, say
from securemnist.cli.pytest_hooks import RunHooks
from securemnist.errors import UNDECIDED, USAGE, UsageError, first_line
from securemnist.project import imports, settings
from securemnist.results.verdicts import DEFAULT_TIER

if TYPE_CHECKING:
    from securemnist.data import DataSet, Samples
    from securemnist.input_spec import InputSpec
    from securemnist.models.loading import Subject
    from securemnist.results.findings import Requirement

# Settings of pytest: only our plugins, no capturing, no output by pytest, whatever the folder.
_INI = Path(__file__).with_name("assess.ini")


def work(folder: Path, alive: int) -> None:
    """Run the job in `folder`. The outcome is written last, so it never describes a partial run.

    The process ends when the parent ends: then the descriptor `alive` is closed.
    """
    end_with_parent(alive)
    try:
        outcome = _measure(Job.read(folder / "job.json"), folder)
    except BaseException as error:  # the parent reports every failure
        text, code = ending(error)
        outcome = Outcome(error=text, exit_code=code)
    outcome.write(folder / "outcome.json")


def _measure(job: Job, folder: Path) -> Outcome:
    check_rows(job)
    here = Path.cwd()
    # A conftest may define the `model` fixture; that model is checked where it is created.
    conftest = _conftest_of(here) if job.conftest else None
    hooks = RunHooks(conftest, job.refused, job.rows)
    hooks.data = check_inputs(job)
    try_out(job, hooks.data)
    return _run_pytest(_pytest_arguments(job, here, folder), hooks)


def check_rows(job: Job) -> None:
    """PolicyError or UsageError for a policy that cannot be judged, or an unknown --row.

    With suites of the user's own the plugin checks later that each measure has a test.
    """
    from securemnist import measures
    from securemnist.cli.defaults import warn_of_ids
    from securemnist.results import policy as policies

    policy = policies.load(Path(job.policy))
    foreign = frozenset(row.measure for row in policy.requirements if job.suites)
    measures.check_policy(policy, custom=foreign, trusted=settings.load(Path.cwd()).trusted)
    warn_of_ids(policy)
    known = [row.id for row in policy.requirements]
    for row in job.rows:
        if row not in known:
            raise UsageError(
                f"expected a row of {job.policy} ({', '.join(known)}), got {row!r}; correct --row"
            )


def check_inputs(job: Job) -> DataSet:
    """The data of a job; UsageError where data or stored examples do not fit policy and job."""
    from securemnist.cli.defaults import data_of
    from securemnist.data import DataSet
    from securemnist.evaluation import example_store
    from securemnist.measures import check_data
    from securemnist.results import policy as policies

    samples = DataSet.load(data_of(job.data))
    check_data(policies.load(Path(job.policy)), samples)
    if copies := str(samples.copies):
        say(f"warning: {copies}", err=True)
    example_store.load([Path(name) for name in job.replay], samples)
    return samples


def resolved(spec: str, job: Job, input_spec: InputSpec, samples: Samples | None = None) -> Subject:
    """The model of a SPEC on the job's device and behind its defence."""
    from securemnist.api.inputs import as_defence
    from securemnist.defences.subject import defended
    from securemnist.models import loading

    subject = loading.resolve(spec, device=job.device, input_spec=input_spec, samples=samples)
    return subject if job.defence is None else defended(subject, as_defence(job.defence))


def try_out(job: Job, samples: DataSet) -> dict[str, Any]:
    """The subject on these data, as an assessment records it; an error ends the command before the rows.

    Empty without a SPEC: the model comes from a fixture and is checked where it is created.
    """
    from securemnist.api.inputs import as_defence
    from securemnist.evaluation.context import Context

    if job.defence is not None:
        as_defence(job.defence)  # also where the model comes from a fixture
    if job.spec is None:
        return {}
    subject = resolved(job.spec, job, samples.spec, samples.test)
    context = Context(subject, samples)  # checks the model contract
    print_endpoint(context, _selected(job))
    return {**subject.to_json(), "data": context.data_record}


def _selected(job: Job) -> list[Requirement]:
    """The rows that a job measures."""
    from securemnist.results import policy as policies
    from securemnist.results.scope import Scope

    scope = Scope(job.tier or DEFAULT_TIER)
    return scope.rows(policies.load(Path(job.policy)), job.rows)


def _conftest_of(here: Path) -> ModuleType | None:
    """The conftest.py of the user's folder, which may define a `model` fixture. It is trusted code."""
    from securemnist._util.torchvision_shim import importing

    path = here / "conftest.py"
    spec = importlib.util.spec_from_file_location("conftest", path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    imports.enable(here)
    try:
        importing(functools.partial(spec.loader.exec_module, module))
    except (Exception, SystemExit) as error:
        cause = f"{type(error).__name__} ({first_line(error):.200}){place(error)}"
        raise UsageError(
            f"{path}: expected a conftest that imports, got {cause}; fix it"
        ) from error
    return module


def _pytest_arguments(job: Job, here: Path, folder: Path) -> list[str]:
    """Arguments for pytest, beside those of the settings file."""
    words = [*(job.suites or (str(resources.SUITES),))]
    words += ["-c", str(_INI), "--rootdir", str(here), f"--confcutdir={resources.SUITES}"]
    options = {"model": job.spec, "policy": job.policy, "tier": job.tier, "data": job.data}
    options |= {"defence": job.defence, "device": job.device, "report": str(folder / "report")}
    words += [f"--security-{name}={value}" for name, value in options.items() if value is not None]
    words += [f"--security-replay={name}" for name in job.replay]
    words += ["--security-until-decided"] if job.until_decided else []
    words += ["-m", job.markers] if job.markers else []
    words += ["-k", " or ".join(f"[{row}]" for row in job.rows)] if job.rows else []
    words += [f"--junitxml={folder / 'junit.xml'}", f"--benchmark-json={folder / 'benchmark.json'}"]
    return [*words, f"--benchmark-storage=file://{folder}/storage"]


def _run_pytest(arguments: list[str], hooks: RunHooks) -> Outcome:
    from securemnist.runtime.malloc import keep_freed_memory
    from securemnist.view.progress import progress_bar

    keep_freed_memory()
    with progress_bar(hooks.schedule) as display, warnings.catch_warnings():
        # A run without a latency row saves no benchmark; pytest-benchmark would warn.
        warnings.filterwarnings("ignore", message="Not saving anything, no benchmarks")
        hooks.progress = display
        code = pytest.main(arguments, plugins=[hooks])
    if code == pytest.ExitCode.NO_TESTS_COLLECTED and not hooks.rows:
        error = (
            f"expected a row to measure, got none for {', '.join(hooks.selection)}; name a --tier, "
            "-m and --row that select at least one (`securemnist assess --list` prints the rows)"
        )
        return Outcome(problems=hooks.problems, error=error, exit_code=USAGE)
    usage = code == pytest.ExitCode.USAGE_ERROR or hooks.problems
    return Outcome(problems=hooks.problems, exit_code=USAGE if usage else UNDECIDED)
