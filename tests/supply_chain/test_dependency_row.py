"""The row of dependencies: it passes here, and fails where a pin is taken away."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from securemnist._util import resources
from securemnist.comparison.difference import PairedDifference
from securemnist.comparison.paired_difference import paired_difference
from securemnist.data import DataSet
from securemnist.errors import NotApplicable, PolicyError
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.report.details import first_places
from securemnist.report.figures import exhibits
from securemnist.results import policy
from securemnist.results.findings import Finding, Verdict

(ROW,) = policy.load(resources.POLICY).rows("unpinned_dependencies")


@pytest.fixture
def context(mnist: DataSet, tmp_path: Path) -> Context:
    """A copy of this project's files about dependencies; the network is not used."""
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(resources.ROOT / name, tmp_path)
    return Context(loading.resolve("baseline"), mnist, project=tmp_path)


def judge(context: Context, **settings: object) -> Finding:
    """The bundled row."""
    bound = bind(ROW.measure, {**ROW.settings, **settings})
    return ROW.judge(take_measurement(context, ROW.measure, bound, ROW.seed), family="supply_chain")


def test_this_project_is_pinned(context: Context) -> None:
    """All declared and all installed dependencies have their pins."""
    found = judge(context)
    assert found.verdict is Verdict.PASS, first_places(found)
    assert found.measurement is not None
    assert found.measurement.n > 200


def test_a_pin_without_hashes_fails_the_row(context: Context) -> None:
    """The saboteur: the report, the terminal and the comparison name the package."""
    before = judge(context)
    lock = context.project / "requirements.lock"
    lines = lock.read_text().splitlines()
    place = next(k for k, text in enumerate(lines) if text.startswith("torch=="))
    lock.write_text("\n".join([*lines[:place], "torch>=2", *lines[place + 1 :]]))
    after = judge(context)
    assert after.verdict is Verdict.FAIL
    assert f"torch (requirements.lock:{place + 1}): expected one version" in first_places(after)[0]
    (exhibit,) = exhibits(after)
    assert exhibit.table is not None
    assert exhibit.table.rows[0][0] == "torch"
    assert exhibit.table.rows[0][-1] == "NO"
    compared = paired_difference(before, after)
    assert isinstance(compared, PairedDifference)
    assert any(one.by.startswith("torch: expected") for one in compared.broken or ())


def test_a_lock_that_is_gone_fails_the_row(context: Context) -> None:
    """Neither a project without its lock nor a row that names another file passes."""
    assert judge(context, files=["uv.lock"]).verdict is Verdict.FAIL
    (context.project / "requirements.lock").unlink()
    assert judge(context).verdict is Verdict.FAIL


def test_an_empty_folder_is_no_project(context: Context, tmp_path: Path) -> None:
    """The row does not apply where there is nothing to install."""
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(NotApplicable, match="expected a project with dependencies"):
        judge(dataclasses.replace(context, project=empty))


@pytest.mark.parametrize("path", ["../uv.lock", "/etc/uv.lock", ""])
def test_files_are_inside_the_project(path: str) -> None:
    """A row that names another place is refused."""
    with pytest.raises(PolicyError, match="expected a path inside the project's folder"):
        bind(ROW.measure, {"files": [path]})
