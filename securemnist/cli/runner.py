"""Runner: pytest over the suites, in this process, and the report that it leaves."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import warnings
from pathlib import Path
from types import ModuleType

from securemnist import resources
from securemnist.assessment import Assessment
from securemnist.cli import publishing
from securemnist.cli.output import say
from securemnist.errors import UNDECIDED, USAGE, UsageError

# Settings of pytest that do not depend on the folder the command is started in.
_INI = Path(__file__).with_name("assess.ini")


def conftest_of(here: Path) -> ModuleType | None:
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
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{path}: expected a conftest that imports, got {type(error).__name__} ({error}); mend it"
        ) from error
    return module


def pytest_arguments(here: Path, suites: tuple[Path, ...], options: dict[str, object]) -> list[str]:
    """Arguments for pytest: our plugins only, nothing written, nothing captured, no output of its own."""
    words = [str(path) for path in suites or (resources.SUITES,)]
    words += ["-c", str(_INI), "--rootdir", str(here), f"--confcutdir={resources.SUITES}"]
    words += ["--disable-plugin-autoload", "-p", "securemnist.plugin"]
    words += ["-p", "pytest_benchmark.plugin"]
    words += ["-p", "no:cacheprovider", "-p", "no:terminal", "--capture=no"]
    words += [f"--security-{name}={value}" for name, value in options.items() if value is not None]
    return words


def run(
    arguments: list[str],
    out: Path,
    conftest: ModuleType | None,
    compare: publishing.Compare | None = None,
) -> tuple[int, Assessment | None]:
    """Run the suites in this process: the exit code, and the assessment where one was made.

    `compare` is called with the assessment and its folder, before anything of it is published.
    """
    import pytest

    from securemnist._memory import keep_freed_memory
    from securemnist.cli.display import progress_bar
    from securemnist.cli.watcher import Watcher
    from securemnist.plugin import progress

    keep_freed_memory()
    with tempfile.TemporaryDirectory() as scratch:
        extra = Path(scratch) / "junit.xml", Path(scratch) / "benchmark.json"
        arguments += [f"--junitxml={extra[0]}", f"--benchmark-json={extra[1]}"]
        arguments += ["--benchmark-quiet", f"--benchmark-storage=file://{scratch}/storage"]
        arguments += [f"--security-report={scratch}/report"]
        watcher = Watcher(conftest)
        with progress_bar(watcher.outlook) as display, warnings.catch_warnings():
            # Without a latency row in scope there is nothing to save, and nothing to warn of.
            warnings.filterwarnings("ignore", message="Not saving anything, no benchmarks")
            progress.show(display)
            code = pytest.main(arguments, plugins=[watcher])
        written = Path(scratch) / "report" / "assessment.json"
        for problem in watcher.problems:
            say(problem, err=True)
        if code == pytest.ExitCode.NO_TESTS_COLLECTED:
            raise UsageError(
                f"expected a row to measure, got none for {', '.join(watcher.asked)}; name a --tier, "
                "-m and --row that have one in common (`securemnist assess --list` prints the rows)"
            )
        if code not in (0, 1, 2) or not written.is_file():
            wrong = code == pytest.ExitCode.USAGE_ERROR or watcher.problems
            return USAGE if wrong else UNDECIDED, None
        assessment = Assessment.load(written)
        code = publishing.publish(assessment, written.parent, out, compare)
    return code, None if assessment.interrupted else assessment
