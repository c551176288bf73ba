"""The row of unsafe loaders: what counts, and that it shares the scan of the static row."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from securemnist._util import resources
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import bind, loaders, static_gate, take_measurement
from securemnist.models import loading
from securemnist.results import policy
from securemnist.results.findings import Verdict
from securemnist.static import PythonFiles, Scan
from tests.supply_chain.contexts import checks, judge

BAD = """
import marshal, pickle, shelve
import torch, yaml

def read(path):
    yield torch.load(path)
    yield pickle.load(open(path, "rb"))
    yield marshal.load(open(path, "rb"))
    yield yaml.load(open(path))
"""
GOOD = """
import hashlib

def read(path):
    return hashlib.md5(path.encode()).hexdigest()
"""


@pytest.fixture
def context(mnist: DataSet, tmp_path: Path) -> Context:
    """An empty folder; the network is not used."""
    return Context(loading.resolve("baseline"), mnist, project=tmp_path)


def test_loaders_fail_the_row(context: Context) -> None:
    """The saboteur: each loader counts with its place; another finding, and a file of tests, do not."""
    (context.project / "good.py").write_text(GOOD)
    (context.project / "tests").mkdir()
    (context.project / "tests" / "bad.py").write_text(BAD)
    passed = judge(context, "unsafe_loaders", tools=["bandit"])
    assert passed.verdict is Verdict.PASS
    assert passed.measurement is not None
    assert passed.measurement.n == 1
    (context.project / "bad.py").write_text(BAD)
    context.cache.clear()
    found = judge(context, "unsafe_loaders", tools=["bandit"])
    assert found.verdict is Verdict.FAIL
    places = {check.place for check in checks(found) if not check.holds}
    assert places == {f"bad.py:{line}" for line in (6, 7, 8, 9)}


def test_an_unread_file_fails_the_row(context: Context) -> None:
    """A file that no tool can read may hold any loader."""
    (context.project / "good.py").write_text(GOOD)
    (context.project / "odd.py").write_bytes(b"\x00\xff")
    found = judge(context, "unsafe_loaders", tools=["bandit"])
    assert found.verdict is Verdict.FAIL


def test_the_bundled_rows_share_one_scan(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """The static row and this one ask for the same scan, which runs once."""
    (context.project / "good.py").write_text(GOOD)
    scans = []

    def counted(files: PythonFiles, *, tools: object) -> Scan:
        scans.append(tools)
        return Scan(files=files.files, excluded=(), issues=())

    monkeypatch.setattr(static_gate, "scan", counted)
    bundled = policy.load(resources.POLICY)
    for measure in ("static_findings", "unsafe_loaders"):
        (row,) = bundled.rows(measure)
        take_measurement(context, measure, bind(measure, row.settings), row.seed)
    assert len(scans) == 1


def test_every_rule_exists() -> None:
    """Each rule of the list is one of this package's rules, or has the form of one of Bandit's."""
    files = resources.RULES.glob("*.yaml")
    known = {rule["id"] for path in files for rule in yaml.safe_load(path.read_text())["rules"]}
    own = {rule for rule in loaders._RULES if not rule.startswith("B")}
    assert own <= known
    missing = {name for name in known - own if "load" in name or "pickle" in name}
    assert missing == {"native-code-loaded"}
