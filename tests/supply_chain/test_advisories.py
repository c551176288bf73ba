"""Advisories: which versions they name, and how old their list may be."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from securemnist._util import resources
from securemnist.data import DataSet
from securemnist.errors import DataError, MeasureError
from securemnist.evaluation.context import Context
from securemnist.models import loading
from securemnist.results.findings import Verdict
from securemnist.supply_chain import advisories, pinned, requirements_file
from tests.error_form import one_sentence
from tests.supply_chain.contexts import checks, judge, wrong

LIST = """
date = 2026-11-01

[[advisory]]
package = "Num_Py"
id = "CVE-2026-0001"
affected = ["<2.6.0", ">=3.0,<3.1"]
fixed = "3.1"
why = "a file runs code"
"""
FIXED = """
[[advisory]]
package = "packaging"
id = "CVE-2026-0002"
affected = ["<1.0"]
fixed = "1.0"
why = "a version takes minutes"
"""
TODAY = datetime.date(2026, 11, 27)


@pytest.fixture
def context(mnist: DataSet, tmp_path: Path) -> Context:
    """A folder with a list of advisories: of a package that is not installed, and of a fixed one."""
    (tmp_path / "advisories.toml").write_text(LIST.replace("Num_Py", "no-such-package") + FIXED)
    return Context(loading.resolve("baseline"), mnist, project=tmp_path)


def load(folder: Path, text: str) -> advisories.Advisories:
    """The list of this text."""
    path = folder / "list.toml"
    path.write_text(text)
    return advisories.load(path)


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ("2.5.9", True),
        ("2.6.0", False),
        ("2.6.0+cpu", False),
        ("2.5.9+cpu", True),
        ("2.6.0rc1", True),
        ("3.0.5", True),
        ("3.1", False),
        ("odd version", True),
    ],
)
def test_ranges_decide(tmp_path: Path, version: str, affected: bool) -> None:
    """A version in any range is affected, pre-releases too; what is no version counts as affected."""
    entries = load(tmp_path, LIST).entries
    (check,) = advisories.checks(entries, {"num-py": version})
    assert check.holds is not affected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("date = 2026-11-01", "", "date"),
        ("2026-11-01", '"2026-11-01"', "date"),
        ("CVE-2026-0001", "CVE-26-1", "id"),
        ("<2.6.0", "below 2.6", "expected versions such as"),
        ("<2.6.0", "", "affected.0 to have at least 1 character"),
        ("<2.6.0", ",", "expected versions such as"),
        ("<2.6.0", "~=2.6", "expected versions such as"),
        ("<2.6.0", ">=3,<2.6", "expected a range of some versions"),
        ("<2.6.0", ">2.6,==2.6", "expected a range of some versions"),
        ("Num_Py", "Num_Py ", "expected the name of a package"),
        ('"3.1"', '"latest"', "expected a version such as"),
        ("why", "because", "advisory.0.why"),
        ("[[advisory]]", "[[advice]]", "advi"),
        ("date", "date date", "expected TOML"),
    ],
)
def test_a_wrong_list_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A list with a part missing or of another form is an error that names the part."""
    assert old in LIST
    with pytest.raises(DataError, match=message):
        load(tmp_path, LIST.replace(old, new))


def test_an_advisory_is_listed_once(tmp_path: Path) -> None:
    """The same advisory of the same package twice is refused."""
    with pytest.raises(DataError, match="CVE-2026-0001 twice"):
        load(tmp_path, LIST + LIST[LIST.index("[[") :].replace("Num_Py", "num-py"))


def test_a_list_of_tomorrow_is_refused(tmp_path: Path) -> None:
    """Its age is counted in days, and a date in the future is an error."""
    read = load(tmp_path, LIST)
    assert read.age(TODAY) == 26
    with pytest.raises(MeasureError, match="dated 2026-10-31 or before, got 2026-11-01"):
        read.age(datetime.date(2026, 10, 31))


def test_the_bundled_list_passes_here() -> None:
    """Neither the installed packages nor the lock of this project are affected by the bundled list."""
    read = advisories.load(resources.SUITES / advisories.NAME)
    assert read.date <= datetime.datetime.now(datetime.UTC).date()
    lock = requirements_file.read(resources.ROOT, "requirements.lock")
    found = advisories.checks(read.entries, advisories.installed(read.entries), [lock])
    assert [check for check in found if not check.holds] == []
    assert len({entry.package for entry in read.entries}) >= 10
    places = {check.place.partition(":")[0] for check in found}
    assert places == {"installed", "requirements.lock"}


def test_each_advisory_of_the_bundled_list_can_fail() -> None:
    """Its fixed version is not affected, and an older one of each range is."""
    for entry in advisories.load(resources.SUITES / advisories.NAME).entries:
        assert not entry.affects(entry.fixed), entry.id
        lowest = [part.rpartition("<")[2] for part in entry.affected]
        assert all(
            entry.affects(f"{bound}.dev0") or entry.affects(f"{bound}a0") for bound in lowest
        )


def test_a_vulnerable_lock_fails_the_row(context: Context) -> None:
    """The saboteur: an old version in a lock, an old installed one, and a lock that cannot be read."""
    own = {"advisories": "advisories.toml"}
    assert judge(context, "vulnerable_dependencies", **own).verdict is Verdict.PASS
    lock = context.project / "requirements.txt"
    lock.write_text("no-such-package==2.5.9\n")
    found = judge(context, "vulnerable_dependencies", **own)
    assert found.verdict is Verdict.FAIL
    assert [check.place for check in checks(found) if not check.holds] == ["requirements.txt:1"]
    lock.write_text("-e .\nno-such-package==3.1\n-r absent.txt\n")
    assert wrong(judge(context, "vulnerable_dependencies", **own)) == ["absent.txt"]
    lock.write_bytes(b"\xff")
    assert wrong(judge(context, "vulnerable_dependencies", **own)) == ["requirements.txt"]
    lock.unlink()
    text = LIST.replace("Num_Py", "jinja2").replace("<2.6.0", "<99")
    (context.project / "advisories.toml").write_text(text)
    assert wrong(judge(context, "vulnerable_dependencies", **own)) == ["jinja2, CVE-2026-0001"]
    (context.project / "advisories.toml").unlink()
    with pytest.raises(DataError, match="expected a list of advisories"):
        judge(context, "vulnerable_dependencies", **own)


def test_a_list_about_other_packages_decides_nothing(context: Context) -> None:
    """A list of which no package is installed or locked, as one of another ecosystem, is no pass."""
    own = {"advisories": "advisories.toml"}
    path = context.project / "advisories.toml"
    path.write_text(LIST.replace("Num_Py", "lodash"))
    with pytest.raises(MeasureError, match="got 1 about others") as caught:
        judge(context, "vulnerable_dependencies", **own)
    one_sentence(caught.value)
    (context.project / "requirements.txt").write_text("lodash==3.1\n")
    assert judge(context, "vulnerable_dependencies", **own).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "line",
    [
        "no-such-package @ https://host.example/no_such_package-2.5.9-py3-none-any.whl",
        "no-such-package==2.5.9 --config-settings=a=b",
        "no-such-package==${VERSION}",
    ],
)
def test_a_version_that_is_not_seen_counts(line: str, context: Context) -> None:
    """A line of a lock that installs an unknown version is no pass."""
    (context.project / "requirements.txt").write_text(f"{line}\n")
    found = judge(context, "vulnerable_dependencies", advisories="advisories.toml")
    assert found.verdict is Verdict.FAIL
    assert [check.place for check in checks(found) if not check.holds] == ["requirements.txt:1"]


def test_an_old_list_fails_its_row(context: Context) -> None:
    """The saboteur: a list of a day more than the bound fails, one of its very age passes."""
    today = datetime.datetime.now(datetime.UTC).date()
    for days, verdict in ((180, Verdict.PASS), (182, Verdict.FAIL)):
        date = today - datetime.timedelta(days=days)
        path = context.project / "advisories.toml"
        path.write_text(LIST.replace("2026-11-01", date.isoformat()))
        found = judge(context, "advisories_age_days", advisories="advisories.toml")
        assert found.verdict is verdict
        assert found.measurement is not None
        assert found.measurement.value >= days
    assert checks(found)[0].found.startswith(date.isoformat())


def test_locks_are_found_by_name(tmp_path: Path) -> None:
    """Every usual name of a lock is read; a file of another name is not."""
    names = [
        "uv.lock",
        "pylock.toml",
        "pylock.gpu.toml",
        "requirements-dev.txt",
        "requirements.lock",
    ]
    for name in [*names, "constraints.txt", "requirements/base.txt"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [lock.path for lock in pinned.locks(tmp_path)]
    assert sorted(found) == sorted([*names, "requirements/base.txt"])
