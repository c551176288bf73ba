"""`securemnist init` in a new repository, then `securemnist assess`."""

from __future__ import annotations

import ast
import json
import re
import sys
import types
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from securemnist import calibration, initial_policy, measures, threat_model
from securemnist.cli import collection_check, main
from securemnist.data import DataSet
from securemnist.initial_policy import measured, templates
from securemnist.project import settings
from securemnist.results import policy
from tests import warm
from tests.commands import module, run
from tests.comparison.test_commands import TOY
from tests.data.small import write


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a network of its own, and nothing of ours."""
    (tmp_path / "reader.py").write_text(TOY)
    (tmp_path / "requirements.txt").write_text("torch\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "reader", raising=False)
    python = types.SimpleNamespace(executable=warm.executable())
    monkeypatch.setattr(collection_check, "sys", python)
    return tmp_path


def init(*words: str) -> Result:
    """`securemnist init` in this process."""
    return CliRunner().invoke(main, ["init", *words], catch_exceptions=False)


@pytest.mark.timeout(300)
def test_init_writes_a_policy_that_the_model_meets(
    project: Path, mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first measurement becomes a policy that the model meets, and the fixture finds the model."""
    # Beside other tests latency would not be measured, and not proposed.
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    # As many as the row of single pairs of classes needs.
    write(project, mnist.train[:1_200], mnist.test[:600])
    result = init("--model", "reader:good", "--images", "50", "--data", ".")
    assert result.exit_code == 0, result.output
    read = policy.load(project / templates.POLICY)
    measures.check_policy(read)
    # Every proposal is a row with a bound of its change: what the model fails is waived to a date.
    assert [row.id for row in read.requirements] == [p.id for p in initial_policy.PROPOSALS]
    for row in read.requirements:
        assert row.max_drop is not None
        waived = re.search(rf"^{row.id} (may fail|fails) and is waived", result.output, re.M)
        assert (row.waiver is not None) == bool(waived)
    threats = threat_model.load(project / templates.THREATS)
    assert not threats.unknown_requirements(row.id for row in read.requirements)
    assert not {"service", "page", "drawings"} & set(threats.titles)
    assert "public mirror" not in (project / templates.THREATS).read_text()  # these are own data
    assert (
        " ".join(read.families) == "clean adversarial natural backdoor latency static supply_chain"
    )
    clean = read.requirements[0]
    assert "the first measurement gave 0.79" in clean.because
    assert 0.55 < clean.threshold < 0.79
    assert "from reader import good" in (project / "conftest.py").read_text()
    assert "-r ../requirements.txt" in (project / templates.REQUIREMENTS).read_text()
    assert (project / templates.IGNORED).read_text() == "*\n"
    for name in ("conftest.py", "noxfile.py", templates.SUITE):
        ast.parse((project / name).read_text())
    assert (
        module(project, "securemnist", "assess", "-m", "clean or static or supply_chain").returncode
        == 0
    )
    report = json.loads((project / "reports" / "assessment.json").read_text())
    assert report["subject"]["parameters"] == 7_850
    # Their own test run takes the suites along: every row of the policy is a test, and here one ran.
    done = module(project, "pytest", "-m", "clean", "-k", "CLEAN-01", "-rA")
    assert done.returncode == 0, done.stdout
    assert "PASSED security_tests/test_security.py::test_clean_accuracy[CLEAN-01]" in done.stdout


def test_model_near_chance_is_refused(project: Path) -> None:
    """Accuracy near chance means wrong preprocessing or label order: nothing is written."""
    text = TOY + "\n\ndef turned():\n    net = good()\n    for name in ('weight', 'bias'):\n"
    text += "        part = getattr(net[1], name)\n        part.data = part.data.roll(1, 0)\n"
    text += "    return net\n"
    (project / "reader.py").write_text(text)
    before = sorted(project.rglob("*"))
    result = init("--model", "reader:turned")
    assert result.exit_code == 2
    for word in ("better than guessing", "white on black", "normalized(", "order of its classes"):
        assert word in result.output
    assert [p for p in sorted(project.rglob("*")) if "__pycache__" not in str(p)] == before


def test_model_is_checked_before_the_calibration(
    project: Path, monkeypatch: pytest.MonkeyPatch, mnist: DataSet
) -> None:
    """Minutes of calibration are not spent on a model that is refused, and no file is left of them."""
    (project / "reader.py").write_text(TOY + "\n\ndef none():\n    net = good()\n"
                                       "    net[1].weight.data *= 0\n    return net\n")  # fmt: skip
    write(project, mnist.train[:600], mnist.test[:100])
    monkeypatch.setattr(calibration, "trained", lambda *_, **__: pytest.fail("was trained"))
    result = init("--model", "reader:none", "--data", ".", "--calibrate")
    assert result.exit_code == 2
    assert "better than guessing" in result.output
    assert "white on black" not in result.output  # that is MNIST's
    assert not (project / "security_tests").exists()


def test_existing_files_are_not_overwritten(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Existing files are kept and the missing content is printed; an existing policy ends the command."""
    monkeypatch.setattr(measured, "PROPOSALS", initial_policy.PROPOSALS[:1])
    (project / "conftest.py").write_text("# mine\n")
    (project / "security_tests").mkdir()
    (project / templates.THREATS).write_text("# mine\n")
    (project / "pyproject.toml").write_text('[project]\nname = "mine"\nversion = "1"\n')
    result = init("--model", "reader:good")
    assert 'add to [tool.setuptools]: py-modules = ["reader"]' in result.output
    assert (project / templates.THREATS).read_text() == "# mine\n"
    assert f"{templates.THREATS}: exists and was not changed" in result.output
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
    assert wanted in module(project, "pytest", "-m", "clean").stderr
    done = run("measure", "clean_accuracy", "--images", "50")
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


def test_init_warns_of_copies_and_missing_classes(own_data: Path, mnist: DataSet) -> None:
    """Copies of training images and classes without images are named before anything is measured."""
    threes = mnist.train[:600][mnist.train.labels[:600] == 3]
    write(own_data / "my data", mnist.train[:600], threes)
    output = init("--model", "reader:good", "--data", "my data").output
    warned = output.index(
        f"warning: {len(threes)} copies of training images among {len(threes)} test"
    )
    warned = max(warned, output.index("warning: the test split has no image of 9 of 10 classes"))
    assert warned < output.index("measuring reader:good")


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
    report = json.loads((own_data / "reports" / "assessment.json").read_text())
    assert report["findings"][0]["measurement"]["n"] == 60
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


def test_a_conftest_that_fails_is_named(project: Path) -> None:
    """A conftest that raises is no matter of pytest's settings: the command states its error."""
    (project / "conftest.py").write_text(
        "raise RuntimeError('operator torchvision::nms is missing')"
    )
    advice = collection_check.advice(project)
    assert "RuntimeError: operator torchvision::nms is missing; install the torchvision" in advice
    assert "python_files" not in advice


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
    done = module(project, "pytest", "-m", "clean", "-q")
    assert done.returncode == 0, done.stdout
