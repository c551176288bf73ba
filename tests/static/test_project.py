"""The project folder, to which the paths of a static row are relative."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from securemnist._util import resources
from securemnist.project.folders import current_project, find_policy, project_folder
from tests.policies import STATIC, table
from tests.static.conftest import PICKLE_DEMO, Write

POLICY = table(STATIC, tools='["bandit"]', level='"medium"', at_most="0") + table(
    STATIC, id='"STATIC-02"', paths='["gone"]', at_most="0"
)


@pytest.mark.parametrize(
    ("start", "policy", "expected"),
    [
        (".", "security_tests/thresholds.toml", "."),
        ("src", "security_tests/thresholds.toml", "."),
        ("security_tests", "security_tests/thresholds.toml", "."),
        ("src", "ci/policy.toml", "."),
        (".", "sub/security_tests/thresholds.toml", "sub"),
        ("src", "../other/security_tests/thresholds.toml", "src"),
    ],
)
def test_project_is_found_from_policy(write: Write, start: str, policy: str, expected: str) -> None:
    """The project follows from the policy's place, from any working folder."""
    here = write({"project/pyproject.toml": "", f"project/{policy}": ""}) / "project"
    (here / start).mkdir(parents=True, exist_ok=True)
    assert project_folder(here / start, here / policy) == (here / expected).resolve()


@pytest.mark.parametrize(
    "text",
    ["[tool.securemnist]\npolicy = 'a.toml'\n", "[tool]\nsecuremnist = {policy = 'a.toml'}\n"],
)
def test_policy_of_the_settings_is_found_in_any_form(write: Write, text: str) -> None:
    """A policy in an inline table of the settings comes before the default file, too."""
    here = write({"pyproject.toml": text, "security_tests/thresholds.toml": ""})
    assert find_policy([here]) == here / "a.toml"


def test_bundled_policy_reads_working_folder(tmp_path: Path) -> None:
    """The bundled policy, or none, reads the working folder."""
    assert project_folder(tmp_path, None) == tmp_path.resolve()
    assert project_folder(tmp_path, resources.POLICY) == tmp_path.resolve()


def test_measure_reads_nearest_project(write: Write) -> None:
    """A measurement in a subfolder reads the project; without a policy, the folder itself."""
    here = write({"security_tests/thresholds.toml": "", "src/a.py": ""})
    assert current_project(here / "src") == here


def test_row_reads_project_from_subfolder(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pytest in a subfolder fails the row on code elsewhere; a missing folder is an ERROR."""
    suites = pytester.mkdir("security_tests")
    shutil.copy(resources.SUITES / "test_static.py", suites)
    (suites / "thresholds.toml").write_text(POLICY)
    (pytester.path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (pytester.path / "serve.py").write_text(PICKLE_DEMO)
    monkeypatch.chdir(pytester.mkdir("src"))
    pytester.runpytest(
        "--security-model=baseline",
        "-p",
        "no:randomly",
        f"--security-report={pytester.path / 'out'}",
        "../security_tests",
    ).assert_outcomes(failed=2)
    written = json.loads((pytester.path / "out" / "assessment.json").read_text())
    first, second = written["findings"]
    assert first["verdict"] == "FAIL"
    assert first["measurement"]["evidence"]["folder"] == pytester.path.name
    assert second["verdict"] == "ERROR"
    assert "expected an existing path in the project folder" in second["reason"]
