"""The pytest plugin, driven as its users drive it: small projects in folders of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import scipy.special

from securemnist import measures, report, resources
from securemnist._torchvision import torchvision

# pytester forgets what an inner run imports, and compiled modules refuse to be imported twice: all of
# them are imported here, before the first inner run.
PRELOADED = (measures, report, scipy.special, torchvision())

CLEAN = """
[[requirement]]
id = "CLEAN-01"
measure = "clean_accuracy"
tier = "smoke"
digits = 300
at_least = 0.9
because = "an unread digit is not worth defending"
"""
PGD = """
[[requirement]]
id = "ADV-02"
measure = "robust_accuracy"
attack = { use = "PGD", steps = 3 }
threat = { norm = "linf", eps = 0.05 }
digits = 40
at_least = 0.7
because = "a search within a small ball"
"""
FULL = """
[[requirement]]
id = "FULL-01"
measure = "worst_class_accuracy"
tier = "full"
at_least = 0.5
because = "only in long runs"
"""
MODEL = "--security-model=baseline"


@pytest.fixture
def project(pytester: pytest.Pytester) -> Any:
    """A function that makes a project of a policy and the bundled suites, and runs pytest in it."""
    suites = pytester.mkdir("security_tests")
    for path in resources.SUITES.glob("test_*.py"):
        shutil.copy(path, suites)

    def run(policy: str, *arguments: str, apart: bool = False) -> pytest.RunResult:
        (suites / "thresholds.toml").write_text(policy)
        start = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        return start("-p", "no:randomly", MODEL, *arguments)

    return run


def read(folder: Path) -> dict[str, Any]:
    """The assessment that a run has left in `folder`."""
    return json.loads((folder / "assessment.json").read_text())


def verdicts(folder: Path) -> dict[str, str]:
    """Verdict of each row."""
    return {f["requirement"]["id"]: f["verdict"] for f in read(folder)["findings"]}


def test_rows_become_tests(project: Any) -> None:
    """Each row is one test whose id is the row's and whose markers are family and tier."""
    result = project(CLEAN + PGD, "--collect-only", "-q", "-m", "adversarial")
    result.stdout.fnmatch_lines(["*test_evasion.py::test_robust_accuracy[[]ADV-02[]]"])
    result.stdout.no_fnmatch_line("*CLEAN-01*")
    smoke = project(CLEAN + PGD, "--collect-only", "-q", "-m", "smoke")
    smoke.stdout.fnmatch_lines(["*test_clean_accuracy[[]CLEAN-01[]]"])
    smoke.stdout.no_fnmatch_line("*ADV-02*")


def test_a_pass_and_its_report(project: Any, tmp_path: Path) -> None:
    """A passing run writes an assessment with every row, its subject and its scope."""
    result = project(CLEAN + PGD + FULL, f"--security-report={tmp_path}")
    result.assert_outcomes(passed=2, deselected=1)
    seen = read(tmp_path)
    assert verdicts(tmp_path) == {"CLEAN-01": "PASS", "ADV-02": "PASS", "FULL-01": "NOT_RUN"}
    assert seen["exit_code"] == 0
    assert seen["scope"]["complete"] is False
    assert seen["subject"]["name"] == "baseline"
    assert (tmp_path / "index.html").stat().st_size > 1_000


def test_nothing_is_written_unasked(project: Any, pytester: pytest.Pytester) -> None:
    """Plain pytest writes no report, and prints the table of requirements."""
    result = project(CLEAN, "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*security requirements*", "*CLEAN-01*"])
    written = [p.name for p in pytester.path.rglob("*") if "__pycache__" not in p.parts]
    assert not {"index.html", "assessment.json", "summary.md"} & set(written)


def test_the_full_tier_on_request(project: Any, tmp_path: Path) -> None:
    """`-m full` raises the tier of the run, so that its rows are not left out again."""
    project(CLEAN + FULL, "-m", "full", f"--security-report={tmp_path}").assert_outcomes(
        passed=1, deselected=1
    )
    assert verdicts(tmp_path) == {"CLEAN-01": "NOT_RUN", "FULL-01": "PASS"}


def test_a_missed_threshold_fails_in_a_sentence(project: Any) -> None:
    """A red row fails its test and the output is the sentence of its finding."""
    result = project(CLEAN.replace("0.9", "1.0"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*CLEAN-01 FAIL: clean_accuracy 0.9* < 1*"])


def test_a_waiver_until_its_day(project: Any, tmp_path: Path) -> None:
    """A waived red row xfails and is neutral; after its day it fails again."""
    red = CLEAN.replace("0.9", "1.0")
    waived = red + 'waiver = { reason = "known", expires = 2999-01-01 }\n'
    project(waived, f"--security-report={tmp_path}").assert_outcomes(xfailed=1)
    assert read(tmp_path)["exit_code"] == 0
    assert verdicts(tmp_path) == {"CLEAN-01": "FAIL"}
    expired = red + 'waiver = { reason = "known", expires = 2020-01-01 }\n'
    project(expired, f"--security-report={tmp_path}").assert_outcomes(failed=1)
    assert read(tmp_path)["exit_code"] == 1


def test_two_processes_and_any_order_agree(project: Any, tmp_path: Path) -> None:
    """With two workers in random order the assessment is byte for byte that of one process."""
    policy = CLEAN + PGD.replace("0.05", "0.2") + FULL  # a search that finds leaves more to differ
    project(policy, f"--security-report={tmp_path / 'one'}")
    arguments = ("-n", "2", "-p", "randomly", "-p", "xdist")
    project(policy, *arguments, f"--security-report={tmp_path / 'two'}")
    one, two = (without_times(read(tmp_path / name)) for name in ("one", "two"))
    assert json.dumps(one) == json.dumps(two)


def without_times(value: Any) -> Any:
    """The same data with every number of seconds taken out."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k != "seconds"}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def test_an_unclaimed_row_is_an_error(project: Any, pytester: pytest.Pytester) -> None:
    """A measure that no suite knows ends a whole run; a run of one file is a scope instead."""
    unknown = CLEAN + PGD.replace("robust_accuracy", "charm")
    result = project(unknown)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*row ADV-02*'charm'*"])
    (pytester.path / "security_tests" / "test_evasion.py").unlink()
    assert project(CLEAN + PGD).ret == pytest.ExitCode.USAGE_ERROR
    assert project(CLEAN + PGD, "security_tests/test_clean.py").ret == 0


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        (CLEAN + "treshold = 1\n", "*row CLEAN-01*unknown key 'treshold'*"),
        (CLEAN.replace("0.9", "1.2"), "*row CLEAN-01*threshold from 0 to 1*1.2*"),
        ("requirement = 1", "*thresholds.toml*requirement*"),
    ],
)
def test_a_wrong_policy_is_one_sentence(project: Any, policy: str, complaint: str) -> None:
    """A policy that cannot be judged ends the run before anything is measured."""
    result = project(policy)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([complaint])


def test_inert_without_a_policy(pytester: pytest.Pytester) -> None:
    """In a project without a policy the plugin neither prints nor imports torch."""
    pytester.makepyfile(
        """
        import sys

        def test_theirs():
            assert not {"torch", "pydantic", "securemnist.measures"} & set(sys.modules)
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*security requirements*")


@pytest.mark.parametrize("command", [["-m", "pytest", "--help"], ["-m", "securemnist", "--help"]])
def test_help_imports_no_torch(command: list[str], tmp_path: Path) -> None:
    """Asking for help does not wait for torch."""
    run = [sys.executable, "-X", "importtime", *command]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "securemnist" in done.stderr
    assert not [line for line in done.stderr.splitlines() if line.split("|")[-1].strip() == "torch"]


def test_a_model_fixture_of_their_own(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """A project's conftest may bring the model as a fixture, which then goes by the project's name."""
    pytester.makeconftest(
        """
        import pytest, torch

        @pytest.fixture(scope="session")
        def model():
            return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
        """
    )
    project(CLEAN, f"--security-report={tmp_path}").assert_outcomes(failed=1)
    subject = read(tmp_path)["subject"]
    assert (subject["name"], subject["parameters"]) == (pytester.path.name, 7_850)


def test_a_broken_model_makes_errors(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """A model that breaks the contract turns every row into ERROR with the sentence why."""
    pytester.makeconftest(
        """
        import pytest, torch

        @pytest.fixture(scope="session")
        def model():
            return torch.nn.Flatten()
        """
    )
    project(CLEAN, f"--security-report={tmp_path}").assert_outcomes(errors=1)
    (finding,) = read(tmp_path)["findings"]
    assert finding["verdict"] == "ERROR"
    assert "expected logits (1, 10), got (1, 784)" in finding["reason"]
    # Neither the name nor the command is that of another model.
    assert read(tmp_path)["subject"]["name"] == "the model fixture"
    assert "--model" not in finding["replay"]


def test_a_crash_in_a_measurement_is_an_error(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """What raises in the middle of a measurement is an ERROR, which no waiver covers."""
    pytester.makeconftest(
        """
        import pytest, torch

        class Moody(torch.nn.Module):
            def forward(self, x):
                if len(x) > 8:
                    raise RuntimeError("too many at once")
                return x.flatten(1)[:, :10]

        @pytest.fixture(scope="session")
        def model():
            return Moody()
        """
    )
    waived = CLEAN + 'waiver = { reason = "known", expires = 2999-01-01 }\n'
    project(waived, f"--security-report={tmp_path}").assert_outcomes(failed=1)
    assert "too many at once" in read(tmp_path)["findings"][0]["reason"]
    assert read(tmp_path)["exit_code"] == 3


def test_an_interrupted_run_reports_what_it_has(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """After Ctrl-C what was measured is reported and the rest is NOT_RUN, in scope."""
    pytester.makeconftest(
        """
        def pytest_runtest_setup(item):
            if "ADV-02" in item.name:
                raise KeyboardInterrupt
        """
    )
    # In a process of its own: Ctrl-C would reach the outer run, too.
    result = project(CLEAN + PGD, f"--security-report={tmp_path}", apart=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert verdicts(tmp_path) == {"CLEAN-01": "PASS", "ADV-02": "NOT_RUN"}
    assert read(tmp_path)["exit_code"] == 3


def test_a_suite_that_records_nothing_is_an_error(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """A suite test that passes without a finding does not count as a pass."""
    (pytester.path / "security_tests" / "test_clean.py").write_text(
        "import pytest\n@pytest.mark.measure('clean_accuracy')\ndef test_it(requirement): ...\n"
    )
    project(CLEAN, "security_tests/test_clean.py", f"--security-report={tmp_path}")
    assert verdicts(tmp_path) == {"CLEAN-01": "ERROR"}
