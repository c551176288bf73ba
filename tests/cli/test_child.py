"""`securemnist assess` measures in a child process that the environment does not configure."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from securemnist._util import resources
from securemnist.cli import child
from securemnist.results.assessment import Assessment
from tests import warm
from tests.commands import module, run
from tests.data import small
from tests.policies import CLEAN, LATENCY, table

CONFTEST = """
import os, signal, sys, pytest
from securemnist.models import loading

@pytest.fixture(scope="session")
def model():
    return loading.resolve("baseline").model
"""
FACTORY = "import torch\n\ndef make():\n    torch.manual_seed(0)\n    return "
FACTORY += "torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))\n"
ASSESS = ("assess", "--policy", "small.toml")


@pytest.fixture
def folder(tmp_path: Path, small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with a model fixture and a policy of a row that passes and one that fails."""
    (tmp_path / "pyproject.toml").write_text(small.settings(small_mnist))
    (tmp_path / "conftest.py").write_text(CONFTEST)
    bounds = {"CLEAN-01": "0.9", "CLEAN-02": "1.0"}
    rows = (table(CLEAN, id=f'"{i}"', images="300", at_least=b) for i, b in bounds.items())
    (tmp_path / "small.toml").write_text("".join(rows))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return tmp_path


def test_environment_variables_do_not_change_the_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both rows are measured, and one fails, whatever the environment sets for pytest."""
    options = "-k CLEAN-01 -x --collect-only --security-tier=smoke -W error"
    monkeypatch.setenv("PYTEST_ADDOPTS", f"{options} -n 2 --cov --color=yes")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    done = run(*ASSESS)
    assert done.exit_code == 1, done.output
    assessment = Assessment.load(folder / "reports" / "assessment.json")
    assert [f.verdict for f in assessment.findings] == ["PASS", "FAIL"]
    assert assessment.complete


def test_python_of_the_run_is_not_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The measuring process has assertions and no filter of warnings, whatever the environment sets."""
    (tmp_path / "flags.py").write_text("import sys\nprint(sys.flags.optimize, sys.warnoptions)")
    monkeypatch.setattr(child.start, "__file__", str(tmp_path / "flags.py"))
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    # Either is enough: the flags of the child, or its environment.
    plain = [sys.executable, child.start.__file__]
    for command, environment in ((child.command(), os.environ), (plain, child.environment())):
        assert subprocess.check_output(command, env=environment, text=True) == "0 []\n"


@pytest.mark.parametrize(
    ("where", "end", "phrase"),
    [
        ("the fixture", "os._exit(0)", "got none (exit code 0)"),
        ("the import", "os.abort()", "got none (SIGABRT)"),
        ("the end", "os.kill(os.getpid(), signal.SIGKILL)", "got none (SIGKILL, perhaps"),
    ],
)
def test_run_without_a_complete_report_exits_3(
    folder: Path, where: str, end: str, phrase: str
) -> None:
    """Code that ends the process at any moment leaves exit code 3, a sentence and no report."""
    text = CONFTEST + f"\n{end}\n"
    if where == "the fixture":
        text = CONFTEST.replace("    return", f"    {end}\n    return")
    if where == "the end":
        text = CONFTEST + f"\ndef pytest_unconfigure():\n    {end}\n"
    (folder / "conftest.py").write_text(text)
    done = run(*ASSESS, "--row", "CLEAN-01")
    assert done.exit_code == 3, done.output
    assert phrase in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not (folder / "reports").exists()


SLOW = (
    CONFTEST
    + """
import time
from pathlib import Path

def pytest_runtest_setup(item):
    if "CLEAN-02" in item.name:
        Path("child").write_text(str(os.getpid()))
        time.sleep(120)
"""
)


WAITING = """
def make():
    Path("child").write_text(str(os.getpid()))
    time.sleep(120)
"""


def _started(folder: Path, *words: str) -> subprocess.Popen[str]:
    """A command, or `assess`, in a process of its own, as soon as its child waits at the second row."""
    (folder / "conftest.py").write_text(SLOW)
    command = warm.python("-m", "securemnist", *(words or ASSESS))
    env = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, cwd=folder, env=env, text=True, **pipes)
    for _ in range(1200):
        if (folder / "child").is_file() or process.poll() is not None:
            break
        time.sleep(0.1)
    time.sleep(0.2)
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_leaves_a_complete_report(folder: Path, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end with exit code 3 and a report: one row measured, the other NOT_RUN."""
    process = _started(folder)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 3, output
    assert "interrupted after 1 of 2 rows" in output
    assessment = Assessment.load(folder / "reports" / "assessment.json")
    assert [f.verdict for f in assessment.findings] == ["PASS", "NOT_RUN"]


def test_child_ends_with_its_parent(folder: Path) -> None:
    """After SIGKILL to the command its child stops measuring."""
    _check_end(folder, _started(folder), signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_assessment_ends_with_its_comparison(folder: Path, number: signal.Signals) -> None:
    """After the end of `compare` no assessment of it goes on, which would write into its folder."""
    (folder / "slow.py").write_text(f"import os\nimport time\nfrom pathlib import Path\n{WAITING}")
    words = ("compare", "slow:make", "baseline", "--policy", ASSESS[ASSESS.index("--policy") + 1])
    _check_end(folder, _started(folder, *words), number)


def _check_end(folder: Path, process: subprocess.Popen[str], number: signal.Signals) -> None:
    """The process that waits ends after this signal to the command."""
    measuring = int((folder / "child").read_text())
    os.kill(measuring, 0)
    process.send_signal(number)
    process.communicate(timeout=60)
    for _ in range(100):
        try:
            os.kill(measuring, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail(f"process {measuring} goes on")


AGAINST = table(LATENCY, against='"old:make"', rounds="6", at_most="1000.0")


def test_against_runs_code_only_if_trusted(folder: Path, small_mnist: Path) -> None:
    """`against` imports a module only if the project's settings trust it; else exit code 2."""
    (folder / "old.py").write_text(f"open('ran', 'w').close()\n{FACTORY}")
    (folder / "small.toml").write_text(AGAINST)
    for words in (ASSESS, ("assess", "--list", "--policy", "small.toml")):
        done = run(*words)
        assert done.exit_code == 2, done.output
        assert "got the code 'old:make', which a policy alone does not run" in done.output
    suite = resources.SUITES / "test_latency.py"
    options = ("-p", "no:randomly", "--security-policy=small.toml", "--security-model=baseline")
    plain = module(folder, "pytest", *options, str(suite))
    assert plain.returncode == pytest.ExitCode.USAGE_ERROR
    assert "which a policy alone does not run" in plain.stderr
    assert not (folder / "ran").exists()
    trusted = f'{small.settings(small_mnist)}trusted = ["old:make"]\n'
    (folder / "pyproject.toml").write_text(trusted)
    assert run(*ASSESS).exit_code == 0
    assert (folder / "ran").exists()


def test_refused_command_imports_no_torch(folder: Path) -> None:
    """The parent process does not import torch: its child does."""
    program = f"""
import sys
from securemnist.cli import child, main
cold = child.command
child.command = lambda *words: [*{warm.python()!r}, *cold(*words)[1:]]
try:
    main()
finally:
    print([name in sys.modules for name in ("securemnist.cli.runner", "torch")])
"""
    command = [sys.executable, "-c", program, *ASSESS, "--tier", "smoke"]
    env = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert "expected a row to measure" in done.stderr
    assert done.stdout.splitlines()[-1] == "[True, False]"


def test_incomplete_outcome_file_is_refused(tmp_path: Path) -> None:
    """A truncated, foreign or missing file is not read as an outcome."""
    path = tmp_path / "outcome.json"
    with pytest.raises(FileNotFoundError):
        child.Outcome.read(path)
    for text in ('{"exit_code": 0', "[]", json.dumps({"exit_code": 0, "charm": 1})):
        path.write_text(text)
        with pytest.raises((ValueError, TypeError)):
            child.Outcome.read(path)
