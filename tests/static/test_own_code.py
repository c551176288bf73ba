"""Our own code passes the gate, at the strictest level."""

from __future__ import annotations

import contextlib
import re

import pytest

from securemnist import measures
from securemnist._util import resources
from securemnist.results.findings import Measurement
from securemnist.static import Sources
from tests.static.test_measure import measure

# Suites assert, which Bandit reports as low; the tests hold hostile samples on purpose.
SETTINGS = {"exclude": ["tests", "security_tests"], "level": "low"}


@pytest.fixture(scope="module")
def measured() -> Measurement:
    """One measurement of all that is ours."""
    with contextlib.chdir(resources.ROOT):
        return measure(**SETTINGS)


def test_our_code_is_clean(measured: Measurement) -> None:
    """Bandit and Semgrep find nothing, not even of low severity, in all that is ours."""
    assert measured.evidence.static == []
    assert measured.n > 80


def test_nothing_is_silenced_blankly(measured: Measurement) -> None:
    """Every comment that silences a tool names the rule that it means."""
    silenced = [line for line in measured.evidence.excluded if "silenced by" in line]
    named = re.compile(r"nosec B\d{3}|nosemgrep: [a-z-]+")
    files = {line.partition(":")[0] for line in silenced}
    assert len(files) > 5
    for name in files:
        for text in (resources.ROOT / name).read_text().splitlines():
            comment = re.search(r"# *(nosec|nosem)", text, re.IGNORECASE)
            assert not comment or named.search(text), f"{name}: {text}"


def test_the_row_of_the_policy_reads_the_same() -> None:
    """The bundled row, in this checkout, reads the package and the suites."""
    settings = measures.bind("static_findings", {"exclude": ["tests"]}).model_dump()
    files = Sources.find(resources.ROOT, settings["paths"], settings["exclude"]).files
    assert {
        "securemnist/static/python_files.py",
        "security_tests/test_static.py",
        "noxfile.py",
    } <= set(files)
