"""Our own code passes the gate, at the strictest level."""

from __future__ import annotations

import re

import pytest

from securemnist import measures, resources
from securemnist.static import Sources
from tests.static.test_measure import measure

# The suites and the tools of this project; its tests hold hostile samples on purpose.
SETTINGS = {"exclude": ["tests"], "level": "low"}


def test_our_code_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bandit and Semgrep find nothing, not even of low severity, in all that is ours."""
    monkeypatch.chdir(resources.ROOT)
    seen = measure(**SETTINGS)
    assert seen.evidence["static"] == []
    assert seen.n > 80


def test_nothing_is_silenced_blankly() -> None:
    """Every comment that silences a tool names the rule that it means."""
    told = Sources.find(resources.ROOT, ["."], ["tests"]).suppressions()
    named = re.compile(r"nosec B\d{3}|nosemgrep: [a-z-]+")
    # The pattern that looks for such comments is one of its own hits.
    assert [line for line in told if not named.search(line) and "sources.py" not in line] == []


def test_the_row_of_the_policy_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled row, in this checkout, reads the package and the suites."""
    monkeypatch.chdir(resources.ROOT)
    settings = measures.bind("static_findings", SETTINGS).model_dump()
    files = Sources.find(resources.ROOT, settings["paths"], settings["exclude"]).files
    assert {"securemnist/static/sources.py", "security_tests/test_static.py", "noxfile.py"} <= set(
        files
    )
