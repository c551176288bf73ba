"""Fixtures of the user and those of the suites."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.plugin.rows import CLEAN, RED, read, verdicts


def test_suite_without_security_record_fails(project: Any, pytester: pytest.Pytester) -> None:
    """A suite that measures but does not record fails, and says what to call."""
    pytester.makepyfile(
        test_own="""
        import pytest

        @pytest.mark.measure("clean_accuracy")
        def test_it(requirement, security_judge):
            security_judge(requirement)
        """
    )
    result = project(CLEAN, "test_own.py")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*its test recorded no finding; call security_record(...)*"])


def test_user_fixtures_keep_their_names(project: Any, pytester: pytest.Pytester) -> None:
    """The user's fixtures with names of ours, or of a suite's parameter, change nothing."""
    names = ("lab", "judge", "record", "forward", "requirement", "data", "context")
    fixtures = "".join(f"\n@pytest.fixture\ndef {name}():\n    return 1\n" for name in names)
    pytester.makeconftest(f"import pytest\n{fixtures}")
    project(CLEAN).assert_outcomes(passed=1)


OWN_SUITE = """
import pytest

@pytest.mark.measure("clean_accuracy")
def test_it(requirement, {0}, record):
    record({0}(requirement))
"""


def test_former_fixture_names_work(project: Any, pytester: pytest.Pytester) -> None:
    """A suite written with `judge` and `record` measures its row, and a failed one fails."""
    pytester.makepyfile(test_own=OWN_SUITE.format("judge"))
    project(CLEAN, "test_own.py").assert_outcomes(passed=1)
    project(RED, "test_own.py").assert_outcomes(failed=1)


def test_unknown_fixture_is_named(project: Any, pytester: pytest.Pytester) -> None:
    """A misspelt fixture is a usage error that names it, not a missing model."""
    pytester.makepyfile(test_own=OWN_SUITE.format("jugde"))
    result = project(CLEAN, "test_own.py", model=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*test_it*: expected known fixtures, got jugde; a suite can use *"]
    )


def test_model_fixture_without_a_network_is_refused(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """A `model` fixture that returns no network is refused with the type that it returned."""
    pytester.makeconftest(
        "import pytest\n\n@pytest.fixture(scope='session')\ndef model():\n    return {'name': 'Ford'}\n"
    )
    project(CLEAN, f"--security-report={tmp_path}", model=False).assert_outcomes(errors=1)
    (finding,) = read(tmp_path)["findings"]
    assert "expected the `model` fixture to return an nn.Module, got dict" in finding["reason"]


def test_model_fixture_of_other_tests_is_ignored(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """A `model` fixture that only other tests use does not change the suites' model."""
    pytester.makepyfile(
        test_cars="""
        import pytest

        @pytest.fixture
        def model():
            return "Ford"

        def test_theirs(model):
            assert model == "Ford"
        """
    )
    pytester.makepyprojecttoml("[tool.securemnist]\nmodel = 'baseline'\n")
    project(CLEAN, f"--security-report={tmp_path}", "test_cars.py", "security_tests", model=False)
    assert verdicts(tmp_path) == {"CLEAN-01": "PASS"}
    assert "--model baseline" in read(tmp_path)["findings"][0]["replay"]


def test_defence_fixture_stands_before_the_model(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """Rows measure the model behind the defence of the fixture, and the option comes before it."""
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def security_defence():
            return {"use": "bit-depth", "bits": 2}
        """
    )
    project(CLEAN, f"--security-report={tmp_path}").assert_outcomes(passed=1)
    assert read(tmp_path)["subject"]["name"] == "baseline with bit-depth:bits=2"
    option = "--security-defence=bit-depth:bits=8"
    project(CLEAN, f"--security-report={tmp_path}", option).assert_outcomes(passed=1)
    assert read(tmp_path)["subject"]["name"] == "baseline with bit-depth:bits=8"


def test_wrong_defence_fixture_is_named(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """A defence fixture of another type ends in an error that says what was expected."""
    pytester.makeconftest(
        "import pytest\n\n@pytest.fixture(scope='session')\ndef security_defence():\n    return 50\n"
    )
    project(CLEAN, f"--security-report={tmp_path}").assert_outcomes(errors=1)
    (finding,) = read(tmp_path)["findings"]
    assert "expected a defence like JPEG(quality=50)" in finding["reason"]
