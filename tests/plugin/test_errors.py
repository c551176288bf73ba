"""Errors under plain pytest: an ERROR finding or one sentence, and the report of the other rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from securemnist.project import folders
from tests.plugin.rows import CLEAN, PGD, read, verdicts
from tests.policies import in_days


def test_row_without_a_suite_test_is_an_error(project: Any, pytester: pytest.Pytester) -> None:
    """A measure without a test ends a run of whole suites; a run of one file is a scope instead."""
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
def test_invalid_policy_ends_the_run_with_one_sentence(
    project: Any, policy: str, complaint: str
) -> None:
    """A policy that cannot be judged ends the run before anything is measured."""
    result = project(policy)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([complaint])


def test_unwritable_report_folder_ends_the_run_first(
    project: Any, pytester: pytest.Pytester
) -> None:
    """A report that cannot be written ends the run before anything is measured."""
    (pytester.path / "afile").write_text("theirs")
    result = project(CLEAN, "--security-report=afile")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*afile: expected a folder for the report*name another folder*"])
    result.stdout.no_fnmatch_line("*CLEAN-01*")
    assert (pytester.path / "afile").read_text() == "theirs"


@pytest.mark.parametrize("option", ["model", "data", "policy"])
def test_empty_option_value_is_refused(project: Any, option: str) -> None:
    """An empty option value, as from an unset variable, ends the run and selects no default."""
    result = project(CLEAN, f"--security-{option}=")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--security-{option}*got an empty one*"])


def test_unreadable_folder_ends_the_run_with_one_sentence(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the operating system refuses to search for the policy, the run ends with its message."""
    monkeypatch.setattr(folders, "USUAL", f"{'x' * 300}/thresholds.toml")
    result = project(CLEAN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*expected a readable folder, got File name too long*"])


def test_model_that_breaks_the_contract_gives_errors(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """A model that breaks the contract gives ERROR in every row, with the reason."""
    pytester.makeconftest(
        """
        import pytest, torch

        @pytest.fixture(scope="session")
        def model():
            return torch.nn.Flatten()
        """
    )
    result = project(CLEAN, f"--security-report={tmp_path}", model=False)
    result.assert_outcomes(errors=1)
    (finding,) = read(tmp_path)["findings"]
    assert finding["verdict"] == "ERROR"
    assert "expected logits (1, 10), got (1, 784)" in finding["reason"]
    # One sentence, without lines of this package; --full-trace has them.
    result.stdout.no_fnmatch_line("*contract.py*")
    whole = project(CLEAN, "--full-trace", model=False)
    whole.stdout.fnmatch_lines(["*contract.py*"])
    # Neither the name nor the command is that of another model.
    assert read(tmp_path)["subject"]["name"] == "the model fixture"
    assert "--model" not in finding["replay"]


def test_fixture_that_raises_is_named(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """A row whose `model` fixture raises is an ERROR that says so: the measurement is not at fault."""
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def model():
            raise OSError("no weights here")
        """
    )
    project(CLEAN, f"--security-report={tmp_path}", model=False).assert_outcomes(errors=1)
    (finding,) = read(tmp_path)["findings"]
    assert finding["verdict"] == "ERROR"
    raised = "a fixture, such as `model` of conftest.py, raised OSError: no weights here; fix it"
    assert raised in finding["reason"]


def test_exception_in_a_measurement_is_an_error(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """An exception during a measurement is an ERROR, which no waiver covers."""
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
    waived = CLEAN + f'waiver = {{ reason = "known", expires = {in_days(30)} }}\n'
    project(waived, f"--security-report={tmp_path}", model=False).assert_outcomes(failed=1)
    assert "too many at once" in read(tmp_path)["findings"][0]["reason"]
    assert read(tmp_path)["exit_code"] == 3


def test_interrupted_run_reports_measured_rows(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """After Ctrl-C measured rows are reported and the rest is NOT_RUN, in scope."""
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


def test_suite_without_a_finding_is_an_error(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """A suite test that passes without a finding does not count as a pass."""
    (pytester.path / "security_tests" / "test_clean.py").write_text(
        "import pytest\n@pytest.mark.measure('clean_accuracy')\ndef test_it(requirement): ...\n"
    )
    project(CLEAN, "security_tests/test_clean.py", f"--security-report={tmp_path}")
    assert verdicts(tmp_path) == {"CLEAN-01": "ERROR"}


@pytest.mark.parametrize("apart", [False, True])
def test_policy_for_other_data_ends_the_run(project: Any, tmp_path: Path, apart: bool) -> None:
    """Pytest ends with its usage error before any row if the policy names other data."""
    named = f'data = {{ name = "Fashion", sha256 = "{"0" * 64}" }}\n'
    result = project(named + CLEAN, f"--security-report={tmp_path}", apart=apart)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*expected the data it was written for, Fashion*"])
    assert not (tmp_path / "assessment.json").exists()


def test_unknown_threat_identifier_is_a_warning(project: Any) -> None:
    """An unknown threat identifier is named at the end, and fails nothing under -W error."""
    result = project(CLEAN + 'ids = ["AML.T9999"]\n', "-W", "error", apart=True)
    result.assert_outcomes(passed=1)
    phrase = "warning: the policy names identifiers that are not known here: AML.T9999*"
    result.stdout.fnmatch_lines([phrase])
