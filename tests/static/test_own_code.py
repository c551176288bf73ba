"""Static analysis of the code of this project, at the strictest level."""

from __future__ import annotations

import contextlib
import re

import pytest

from securemnist import measures
from securemnist._util import resources
from securemnist.results.findings import Measurement
from securemnist.static import PythonFiles
from tests.static.test_measure import measure

# Suites assert, which Bandit reports as low; the tests hold hostile samples on purpose.
SETTINGS = {"exclude": ["tests", "security_tests"], "level": "low"}


@pytest.fixture(scope="module")
def measured() -> Measurement:
    """One measurement of all code of this project."""
    with contextlib.chdir(resources.ROOT):
        return measure(**SETTINGS)


def test_own_code_has_no_findings(measured: Measurement) -> None:
    """Bandit and Semgrep find nothing, not even of low severity."""
    assert measured.evidence.static == []
    assert measured.n > 80


def test_suppressions_name_their_rule(measured: Measurement) -> None:
    """Every comment that suppresses a tool names the rule."""
    silenced = [line for line in measured.evidence.excluded if "silenced by" in line]
    named = re.compile(r"nosec B\d{3}|nosemgrep: [a-z-]+")
    files = {line.partition(":")[0] for line in silenced}
    assert len(files) > 5
    for name in files:
        for text in (resources.ROOT / name).read_text().splitlines():
            comment = re.search(r"# *(nosec|nosem)", text, re.IGNORECASE)
            assert not comment or named.search(text), f"{name}: {text}"


def test_bundled_row_reads_package_and_suites() -> None:
    """The bundled row, in this checkout, reads the package and the suites."""
    settings = measures.bind("static_findings", {"exclude": ["tests"]}).model_dump()
    files = PythonFiles.find(resources.ROOT, settings["paths"], settings["exclude"]).files
    assert {
        "securemnist/static/python_files.py",
        "security_tests/test_static.py",
        "noxfile.py",
    } <= set(files)
