"""`securemnist init` in a new repository, then `securemnist assess`."""

from __future__ import annotations

import ast
import datetime
import json
import math
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

from securemnist import initial_policy, measures
from securemnist.cli import collection_check, main
from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.evaluation.context import Context
from securemnist.initial_policy import Proposal, Row, margins, measured, templates
from securemnist.measures.base import share_measurement
from securemnist.models import loading
from securemnist.project import origin, settings
from securemnist.results import policy
from securemnist.results.findings import Measurement
from tests.commands import run
from tests.comparison.test_commands import TOY
from tests.data.small import write

TODAY = datetime.datetime.now(datetime.UTC).date()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a network of its own, and nothing of ours."""
    (tmp_path / "reader.py").write_text(TOY)
    (tmp_path / "requirements.txt").write_text("torch\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "reader", raising=False)
    return tmp_path


def init(*words: str) -> Result:
    """`securemnist init` in this process."""
    return CliRunner().invoke(main, ["init", *words], catch_exceptions=False)


@pytest.mark.timeout(300)
def test_init_writes_a_policy_that_the_model_meets(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first measurement becomes a policy that the model meets, and the fixture finds the model."""
    # Beside other tests latency would not be measured, and not proposed.
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    result = init("--model", "reader:good", "--digits", "50")
    assert result.exit_code == 0, result.output
    read = policy.load(project / templates.POLICY)
    measures.check_policy(read)
    # Every proposal is a row with a bound of its change: what the model fails is waived to a date.
    assert [row.id for row in read.requirements] == [p.id for p in initial_policy.PROPOSALS]
    for row in read.requirements:
        assert row.max_drop is not None
        assert (row.waiver is not None) == (f"{row.id} fails and is waived" in result.output)
    assert read.families == ("clean", "adversarial", "backdoor", "latency", "static")
    clean = read.requirements[0]
    assert "the first measurement gave 0.8" in clean.because
    assert 0.75 < clean.threshold < 0.8
    assert "from reader import good" in (project / "conftest.py").read_text()
    assert "-r ../requirements.txt" in (project / templates.REQUIREMENTS).read_text()
    assert (project / templates.IGNORED).read_text() == "*\n"
    for name in ("conftest.py", "noxfile.py", templates.SUITE):
        ast.parse((project / name).read_text())
    assert shell(project, "securemnist", "assess", "-m", "clean or static").returncode == 0
    seen = json.loads((project / "reports" / "assessment.json").read_text())
    assert seen["subject"]["parameters"] == 7_850
    # Their own test run takes the suites along: every row of the policy is a test, and here one ran.
    done = shell(project, "pytest", "-m", "clean", "-k", "CLEAN-01", "-rA")
    assert done.returncode == 0, done.stdout
    assert "PASSED security_tests/test_security.py::test_clean_accuracy[CLEAN-01]" in done.stdout


def shell(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command as their shell would run it, outside this run's pytest-xdist."""
    command = [sys.executable, "-m", *words]
    env = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    return subprocess.run(
        command, cwd=project, env=env, capture_output=True, text=True, timeout=200
    )


def text_of(data: DataSet, *rows: Row) -> str:
    """The policy of these rows."""
    return initial_policy.policy(rows, "net", data, TODAY)


def row_of(name: str, seen: Measurement, *, samples: int = 2_000) -> Row:
    """The row of a proposal with a first measurement."""
    proposal = next(p for p in initial_policy.PROPOSALS if p.id == name)
    good = proposal.measure != "backdoor_success"
    bound = margins.of_share(seen, samples, whole=False, high_is_good=good)
    settings = dict(proposal.settings)
    if proposal.evasion:
        settings["threat"] = {"norm": "linf", "eps": 0.1}
    return Row(proposal=proposal, settings=settings, measurement=seen, bound=bound)


@pytest.mark.parametrize(
    ("name", "hits", "threshold"),
    [("ADV-01", 44, 0.5), ("BACKDOOR-01", 400, 0.1), ("BACKDOOR-01", 111, 0.1)],
)
def test_row_that_the_model_cannot_meet_is_waived(
    mnist: DataSet, name: str, hits: int, threshold: float
) -> None:
    """A weak model's row has a meaningful threshold, fails, and is waived for 90 days."""
    seen = share_measurement(hits, 500, complete=False, seed=0)
    (row,) = policy.parse(text_of(mnist, row_of(name, seen)), "p").requirements
    assert row.threshold == threshold
    assert row.waiver is not None
    assert row.waiver.expires == (TODAY + datetime.timedelta(days=90)).isoformat()
    assert f"{hits / 500:.4f}" in row.waiver.reason


def test_threshold_is_four_standard_errors_away(mnist: DataSet) -> None:
    """A threshold is four standard errors plus the sample's interval from the measurement."""
    robust = share_measurement(400, 500, complete=False, seed=0)
    steered = share_measurement(5, 2_000, complete=False, seed=0)
    text = text_of(mnist, row_of("ADV-01", robust), row_of("BACKDOOR-01", steered))
    one, two = policy.parse(text, "p").requirements
    assert (one.waiver, two.waiver) == (None, None)
    p = 402 / 504
    spread = math.sqrt(p * (1 - p))
    room = 4 * spread * math.sqrt(1 / 500 + 1 / 2_000) + 1.96 * spread * math.sqrt(1 / 2_000)
    assert one.threshold == pytest.approx(0.8 - room, abs=0.001)
    assert one.max_drop == pytest.approx(room, abs=0.001)
    assert 0.0025 < two.threshold < 0.02


def test_inconclusive_measurement_is_waived_with_its_reason(mnist: DataSet) -> None:
    """A row with an inconclusive first measurement is written, and waived with the reason."""
    seen = share_measurement(
        99, 100, complete=False, seed=0, inconclusive="no digit of class 3 was measured"
    )
    (row,) = policy.parse(text_of(mnist, row_of("CLEAN-02", seen)), "p").requirements
    assert row.waiver is not None
    assert "no digit of class 3 was measured" in row.waiver.reason


def test_policy_names_its_data(mnist: DataSet) -> None:
    """The policy contains name and digest of the data; other data is refused."""
    read = policy.parse(
        text_of(mnist, row_of("CLEAN-01", share_measurement(99, 100, complete=True, seed=0))), "p"
    )
    read.refuse_other_data(mnist.name, mnist.digest)
    with pytest.raises(UsageError, match="expected the data it was written for, MNIST"):
        read.refuse_other_data("others", "0" * 64)


def made(values: dict[float, float], tried: list[tuple[str, float]]) -> Callable[..., Row]:
    """Stands for one measurement: the share that each eps leaves, whatever the attack is."""

    def row(context: object, proposal: Proposal, settings: dict[str, Any], *_: int) -> Row:
        eps = settings["threat"]["eps"]
        tried.append((proposal.id, eps))
        seen = share_measurement(round(values[eps] * 500), 500, complete=False, seed=0)
        bound = margins.of_share(seen, 500, whole=False, high_is_good=True)
        return Row(proposal=proposal, settings=settings, measurement=seen, bound=bound)

    return row


def evasion(values: list[float], monkeypatch: pytest.MonkeyPatch) -> tuple[list[Row], list[Any]]:
    """The evasion rows of a model that leaves `values` at the eps of the search."""
    tried: list[tuple[str, float]] = []
    known = dict(zip(measured.EPS, values, strict=True))
    monkeypatch.setattr(measured, "_row", made(known, tried))
    searches = [p for p in initial_policy.PROPOSALS if p.evasion]
    sizes = measured.Sizes(digits=500, test=10_000, design=1.0)
    return measured._evasion(cast(Context, None), searches, sizes), tried


def test_evasion_rows_use_the_largest_meaningful_eps(
    mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that is broken at 0.1 gets the largest eps that leaves half, with the curve beside it."""
    rows, tried = evasion([0.0, 0.2, 0.9, 0.95, 0.97, 0.98], monkeypatch)
    assert tried == [("ADV-01", 0.1), ("ADV-01", 0.05), ("ADV-01", 0.025), ("ADV-02", 0.025)]
    text = text_of(mnist, *rows)
    for row in policy.parse(text, "p").requirements:
        assert row.settings["threat"]["eps"] == 0.025
        assert row.waiver is None
    assert "# robust accuracy at eps 0.1: 0.0000" in text
    assert "# robust accuracy at eps 0.025: 0.9000" in text
    assert policy.parse(text, "p").requirements[0].settings["curve"] == [0.0, 0.025, 0.05, 0.1]


def test_evasion_rows_without_a_meaningful_eps_are_waived(
    mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that is broken at 1/255 gets its rows at that eps, failing and waived."""
    rows, _ = evasion([0.0] * 6, monkeypatch)
    read = policy.parse(text_of(mnist, *rows), "p")
    measures.check_policy(read)
    assert [row.id for row in read.requirements] == ["ADV-01", "ADV-02"]
    for row in read.requirements:
        assert row.settings["threat"]["eps"] == pytest.approx(1 / 255, abs=1e-5)
        assert row.waiver is not None
        assert row.threshold == 0.5


def test_model_near_chance_is_refused(project: Path) -> None:
    """Accuracy near chance means wrong preprocessing or label order: nothing is written."""
    text = TOY + "\n\ndef turned():\n    net = good()\n    for name in ('weight', 'bias'):\n"
    text += "        part = getattr(net[1], name)\n        part.data = part.data.roll(1, 0)\n"
    text += "    return net\n"
    (project / "reader.py").write_text(text)
    before = sorted(project.rglob("*"))
    result = init("--model", "reader:turned")
    assert result.exit_code == 2
    for word in ("better than guessing", "preprocessing", "normalized(", "order of its classes"):
        assert word in result.output
    assert [p for p in sorted(project.rglob("*")) if "__pycache__" not in str(p)] == before


def test_existing_files_are_not_overwritten(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Existing files are kept and the missing content is printed; an existing policy ends the command."""
    monkeypatch.setattr(measured, "PROPOSALS", initial_policy.PROPOSALS[:1])
    (project / "conftest.py").write_text("# mine\n")
    result = init("--model", "reader:good")
    assert (project / "conftest.py").read_text() == "# mine\n"
    assert "from reader import good" in result.output
    again = init("--model", "reader:good")
    assert again.exit_code == 2
    assert "expected no policy yet" in again.output


def test_gate_without_a_model_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A project's policy is never applied to a bundled model because no model is named."""
    monkeypatch.setattr(measured, "PROPOSALS", initial_policy.PROPOSALS[:1])
    (project / "conftest.py").write_text("# mine, without a model\n")
    result = init("--model", "reader:good")
    assert "first: add the fixture above to conftest.py" in result.output
    wanted = "expected a model of yours to assess by security_tests/thresholds.toml, got none"
    for words in ([], ["--row", "CLEAN-01"]):
        assert run("assess", *words).exit_code == 2
        assert wanted in capfd.readouterr().err
    assert not (project / "reports" / "assessment.json").exists()
    assert wanted in shell(project, "pytest", "-m", "clean").stderr
    done = run("measure", "clean_accuracy", "--digits", "50")
    assert done.exit_code == 2
    assert "expected a model, got none" in done.output
    (project / "pyproject.toml").write_text('[tool.securemnist]\nmodel = "reader:good"\n')
    done = run("assess", "--row", "CLEAN-01")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("reader:good (")


@pytest.fixture
def own_data(project: Path, mnist: DataSet, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with data of its own, for which one row is proposed."""
    monkeypatch.setattr(measured, "PROPOSALS", initial_policy.PROPOSALS[:1])
    folder = project / "my data"
    folder.mkdir()
    write(folder, mnist.train[:600], mnist.test[:60])
    return project


def test_init_with_own_data(own_data: Path) -> None:
    """A gate on other data finds it in the settings, measures all of it, and refuses MNIST."""
    result = init("--model", "reader:good", "--data", "my data")
    assert result.exit_code == 0, result.output
    assert "next: securemnist assess --tier smoke, or pytest -m smoke" in result.output
    assert settings.load(own_data).data == "my data"
    assert "--data" not in (own_data / "noxfile.py").read_text()
    assert '"-e"' not in (own_data / "noxfile.py").read_text()  # settings alone are no project
    done = run("assess")
    assert done.exit_code in (0, 1), done.output
    seen = json.loads((own_data / "reports" / "assessment.json").read_text())
    assert seen["findings"][0]["measurement"]["n"] == 60
    (own_data / "pyproject.toml").write_text("")
    done = run("assess")
    assert done.exit_code == 2
    assert "expected the data it was written for, my data" in done.output


def test_existing_settings_are_not_edited(own_data: Path) -> None:
    """An existing settings table is kept: the command prints the line to add, and names --data."""
    text = '[tool.securemnist]\nmodel = "reader:good"\n'
    (own_data / "pyproject.toml").write_text(text)
    result = init("--model", "reader:good", "--data", "my data")
    assert result.exit_code == 0, result.output
    assert (own_data / "pyproject.toml").read_text() == text
    assert 'add to [tool.securemnist]: data = "my data"' in result.output
    assert "assess --tier smoke --data 'my data'" in result.output
    assert '"--data", "my data", *session.posargs' in (own_data / "noxfile.py").read_text()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", '[tool.securemnist]\ndata = "d"\n'),
        ("[project]\nname = 'x'", "[project]\nname = 'x'\n\n[tool.securemnist]\ndata = \"d\"\n"),
        ("[tool.securemnist]\n", None),
        ("tool = { securemnist = { } }\n", None),
        ("tool = { other = 1 }\n", None),
        ("tool = 1\n", None),
        ("not toml", None),
    ],
)
def test_settings_are_only_appended_to(text: str, expected: str | None) -> None:
    """The new table is appended if that changes nothing else, and refused otherwise."""
    assert templates.with_data(text, "d") == expected


def test_testpaths_that_hide_the_suite_are_reported(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If pytest's settings hide the suite from a plain run, the command says what to add where."""
    monkeypatch.setattr(measured, "PROPOSALS", initial_policy.PROPOSALS[:1])
    (project / "tests").mkdir()
    (project / "tests" / "test_own.py").write_text("def test_own():\n    pass\n")
    (project / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
    result = init("--model", "reader:good")
    assert result.exit_code == 0, result.output
    assert "add 'security_tests' to `testpaths` in pytest.ini" in result.output
    (project / "pytest.ini").write_text("[pytest]\ntestpaths = tests security_tests\n")
    assert collection_check.advice(project) == ""
    (project / "pytest.ini").write_text("[pytest]\npython_files = check_*.py\n")
    assert "python_files" in collection_check.advice(project)


def test_init_with_src_layout(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module in `src` is found by the command and by the conftest that it writes."""
    monkeypatch.setattr(measured, "PROPOSALS", initial_policy.PROPOSALS[:1])
    monkeypatch.setattr(sys, "path", sys.path.copy())
    (project / "src" / "mine").mkdir(parents=True)
    (project / "src" / "mine" / "__init__.py").write_text("")
    (project / "reader.py").rename(project / "src" / "mine" / "reader.py")
    result = init("--model", "mine.reader:good")
    assert result.exit_code == 0, result.output
    assert "does not collect" not in result.output
    done = shell(project, "pytest", "-m", "clean", "-q")
    assert done.returncode == 0, done.stdout


def test_conftest_of_a_weight_file_resolves_the_spec(tmp_path: Path) -> None:
    """The `model` fixture for a SPEC that names no factory loads that SPEC."""
    path = tmp_path / "conftest.py"
    path.write_text(templates.conftest("certified"))
    model = runpy.run_path(str(path))["model"].__wrapped__()
    assert model.digest == loading.resolve("certified").digest


@pytest.mark.parametrize(
    ("record", "line", "fixed"),
    [
        (None, "securemnist==1.2", False),
        (
            {"url": "https://h/r.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
            "securemnist @ git+https://h/r.git@c0ffee",
            True,
        ),
        (
            {"url": "https://h/s.whl", "archive_info": {"hashes": {"sha256": "ab"}}},
            "securemnist @ https://h/s.whl#sha256=ab",
            True,
        ),
        (
            {"url": "https://h/s.whl", "archive_info": {"hash": "sha256=ab"}},
            "securemnist @ https://h/s.whl#sha256=ab",
            True,
        ),
        ({"url": "https://h/s.whl", "archive_info": {}}, "securemnist @ https://h/s.whl", False),
        ({"url": "file:///s", "dir_info": {"editable": True}}, "securemnist @ file:///s", True),
    ],
)
def test_requirements_name_the_installed_copy(
    tmp_path: Path, record: dict[str, Any] | None, line: str, fixed: bool
) -> None:
    """The requirements name version and origin of the installed copy, never a bare name."""
    source = origin.from_record("1.2", record)
    assert (source.line, source.fixed) == (line, fixed)
    assert line in templates.requirements(tmp_path, source).splitlines()
    text = templates.noxfile(tmp_path, source=source)
    ast.parse(text)
    assert "--require-hashes" in text
    # Without content to hold it to, nothing is installed before it is locked with hashes.
    assert ("session.error(" in text) == (not fixed)


def test_origin_of_this_copy_is_specific() -> None:
    """The origin of this copy names more than the project."""
    assert origin.installed().line.startswith(("securemnist==", "securemnist @ "))


def test_design_effect_widens_the_margin() -> None:
    """Samples that are right or wrong together count for less than independent ones."""
    scattered, together = "0123456789" * 50, "5" * 450 + "1" * 50
    assert margins.design_effect("1" * 500, scattered.replace("1", "5").replace("0", "1")) == 1
    assert margins.design_effect("5" * 500, together) > 10
    assert margins.design_effect("5" * 500, "5" * 500) == 1
    seen = share_measurement(450, 500, complete=False, seed=0)
    narrow = margins.margin(seen, 500, whole=True)
    assert margins.margin(seen, 500, whole=True, design=4) == pytest.approx(2 * narrow)
