"""The suite of the threat model in a user's pytest run, up to its report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from securemnist._util import resources
from tests.policies import CLEAN, STATIC, table
from tests.threat_model.models import HEAD, threat

SUITE = "test_threat_model.py"
POLICY = table(CLEAN) + table(
    {**STATIC, "id": '"THREATS-01"', "measure": '"uncovered_threats"'}, at_most="1"
)


def test_the_row_and_the_report_follow_the_file(
    pytester: pytest.Pytester, small_mnist: Path
) -> None:
    """One uncovered threat passes, a second one fails the row; each run stores the model it read."""
    suites = pytester.mkdir("security_tests")
    shutil.copy(resources.SUITES / SUITE, suites)
    (suites / "thresholds.toml").write_text(POLICY)
    file, report = suites / "threats.toml", pytester.path / "out"
    options = ("--security-model=baseline", f"--security-data={small_mnist}", "-p", "no:randomly")
    options = (*options, "--security-report=out", "-rs", f"security_tests/{SUITE}")
    for count, outcome in ((1, "passed"), (2, "failed")):
        text = HEAD + threat("T-00", "CLEAN-01")
        text += "".join(threat(f"T-{number}") for number in range(1, count + 1))
        file.write_text(text)
        pytester.runpytest(*options).assert_outcomes(**{outcome: 1})
        stored = json.loads((report / "assessment.json").read_text())
        assert stored["threat_model"]["text"] == text
        page = (report / "threats.html").read_text()
        assert f"○ {count} uncovered" in page.replace("</span>", "").replace(
            '<span aria-hidden="true">', ""
        )
    file.unlink()
    pytester.runpytest(*options).assert_outcomes(failed=1)
    stored = json.loads((report / "assessment.json").read_text())
    assert [one["verdict"] for one in stored["findings"]] == ["NOT_RUN", "ERROR"]
    assert not (report / "threats.html").exists()
