"""Worker: the side of `assess` that measures, in a process of its own: pytest over the suites."""

from __future__ import annotations

import importlib.util
import os
import threading
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

from securemnist._util import resources
from securemnist.cli.endings import ending
from securemnist.cli.job import Job, Outcome
from securemnist.cli.output import say
from securemnist.errors import UNDECIDED, UsageError
from securemnist.project import imports

# Settings of pytest that do not depend on the folder the command is started in.
_INI = Path(__file__).with_name("assess.ini")


def work(folder: Path, alive: int) -> None:
    """Do the job in `folder`; the outcome is written at the very end, so that none speaks of a part.

    The process ends when the descriptor `alive` is closed, which it is when the parent ends.
    """
    threading.Thread(target=_end_with_parent, args=(alive,), daemon=True).start()
    try:
        outcome = _measure(Job.read(folder / "job.json"), folder)
    except BaseException as error:  # whatever ends it is told to the parent
        text, code = ending(error)
        outcome = Outcome(error=text, exit_code=code)
    outcome.write(folder / "outcome.json")


def _end_with_parent(alive: int) -> None:
    os.read(alive, 1)
    os._exit(UNDECIDED)


def _measure(job: Job, folder: Path) -> Outcome:
    here = Path.cwd()
    check_rows(job)
    # A conftest may bring the model; then it is tried out where it is made.
    conftest = _conftest_of(here) if job.conftest else None
    try_out(None if job.conftest else job.spec, job)
    return _run_pytest(_pytest_arguments(job, here, folder), conftest, job.refused)


def check_rows(job: Job) -> None:
    """A policy that cannot be judged, or a row that it does not have, ends the command at once.

    With suites of one's own the plugin checks, once it knows them, that some claims each measure.
    """
    from securemnist import measures
    from securemnist.cli.defaults import warn_of_ids
    from securemnist.results import policy as policies

    read = policies.load(Path(job.policy))
    foreign = frozenset(row.measure for row in read.requirements if job.suites)
    measures.check_policy(read, custom=foreign, trusted=job.trusted)
    warn_of_ids(read)
    known = [row.id for row in read.requirements]
    for row in job.rows:
        if row not in known:
            raise UsageError(
                f"expected a row of {job.policy} ({', '.join(known)}), got {row!r}; correct --row"
            )


def try_out(spec: str | None, job: Job) -> dict[str, Any]:
    """The subject as an assessment will record it: a wrong name ends the command before anything runs.

    Empty without a SPEC: the model comes from a fixture, and is tried where it is made.
    """
    from securemnist import data as data_sets
    from securemnist.evaluation import example_store
    from securemnist.evaluation.context import Context
    from securemnist.measures import check_data
    from securemnist.models import loading
    from securemnist.results import policy as policies

    folder = job.data or job.project_data
    digits = data_sets.load(Path(folder) if folder else None)
    check_data(policies.load(Path(job.policy)), digits)
    if copies := str(digits.copies):
        say(f"warning: {copies}", err=True)
    example_store.load([Path(name) for name in job.replay], digits)
    if spec is None:
        return {}
    subject = Context(loading.resolve(spec, device=job.device), digits).subject
    return {**subject.to_json(), "data": digits.to_json()}


def _conftest_of(here: Path) -> ModuleType | None:
    """The conftest.py of the user's folder: it may bring a `model` fixture. It is code, and trusted."""
    path = here / "conftest.py"
    spec = importlib.util.spec_from_file_location("conftest", path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    imports.enable(here)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{path}: expected a conftest that imports, got {type(error).__name__} ({error}); fix it"
        ) from error
    return module


def _pytest_arguments(job: Job, here: Path, folder: Path) -> list[str]:
    """Arguments for pytest: our plugins only, nothing captured, no output of its own."""
    words = [*(job.suites or (str(resources.SUITES),))]
    words += ["-c", str(_INI), "--rootdir", str(here), f"--confcutdir={resources.SUITES}"]
    words += ["--disable-plugin-autoload", "-p", "securemnist.plugin"]
    words += ["-p", "pytest_benchmark.plugin"]
    words += ["-p", "no:cacheprovider", "-p", "no:terminal", "--capture=no"]
    # A `model` fixture of the conftest comes before the model of the project's settings.
    spec = None if job.conftest else job.spec
    options = {"model": spec, "policy": job.policy, "tier": job.tier, "data": job.data}
    options |= {"device": job.device, "report": str(folder / "report")}
    words += [f"--security-{name}={value}" for name, value in options.items() if value is not None]
    words += [f"--security-replay={name}" for name in job.replay]
    words += ["--security-until-decided"] if job.until_decided else []
    words += ["-m", job.markers] if job.markers else []
    words += ["-k", " or ".join(f"[{row}]" for row in job.rows)] if job.rows else []
    words += [f"--junitxml={folder / 'junit.xml'}", f"--benchmark-json={folder / 'benchmark.json'}"]
    return [*words, "--benchmark-quiet", f"--benchmark-storage=file://{folder}/storage"]


def _run_pytest(arguments: list[str], conftest: ModuleType | None, refused: str) -> Outcome:
    import pytest

    from securemnist.cli.pytest_hooks import Watcher
    from securemnist.runtime.malloc import keep_freed_memory
    from securemnist.view.progress import progress_bar

    keep_freed_memory()
    watcher = Watcher(conftest, refused)
    with progress_bar(watcher.outlook) as display, warnings.catch_warnings():
        # Without a latency row in scope there is nothing to save, and nothing to warn of.
        warnings.filterwarnings("ignore", message="Not saving anything, no benchmarks")
        watcher.progress = display
        code = pytest.main(arguments, plugins=[watcher])
    return Outcome(
        code=int(code),
        problems=watcher.problems,
        asked=watcher.asked,
        selected=len(watcher.outlook.expected),
    )
