"""Commands on an endpoint: probe and budget are printed, rows are judged, a policy is proposed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import securemnist as sm
from securemnist import threat_model
from securemnist._util import resources
from securemnist._util.resources import ROOT
from securemnist.attacks.square import Square
from securemnist.attacks.transfer import Transfer
from securemnist.cli import main
from securemnist.endpoint.description import Description
from securemnist.endpoint.pixels import Pixels
from securemnist.evaluation.doubts.endpoint_answers import ASKED
from securemnist.evaluation.ladders import BUDGETS, Ladder
from securemnist.measures import check_policy
from securemnist.results import policy as policies
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Verdict
from tests import warm
from tests.commands import module, run, shell
from tests.endpoint.service import Service
from tests.policies import CERTIFIED, CLEAN, ROBUST, table

POLICY = table(CLEAN, images="50", at_least="0.5") + table(
    {**ROBUST, "id": '"ADV-01"', "threat": '{ norm = "linf", eps = 0.01 }'},
    attack='{ use = "Square", queries = 30 }',
    images="30",
    at_least="0.4",
)
POLICY += table(CERTIFIED, threat='{ norm = "linf", eps = 0.01 }', at_least="0.4")


@pytest.fixture
def project(cwd: Path, service: Service) -> Path:
    """A folder with 120 images of 8x8, a policy, and the description that the documentation shows."""
    rng = np.random.default_rng(0)
    mean = (np.arange(120) % 10 + 0.5) / 10
    x = (255 * mean[:, None, None] + rng.integers(-8, 9, (120, 8, 8))).clip(0, 255).astype(np.uint8)
    np.savez(cwd / "grey.npz", x_test=x, y_test=np.arange(120) % 10)
    service.shape = (1, 8, 8)
    page = (ROOT / "docs" / "endpoint.md").read_text()
    (shown,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (cwd / "endpoint.toml").write_text(shown.replace("http://127.0.0.1:8000", service.url))
    (cwd / "policy.toml").write_text(POLICY)
    return cwd


def test_documented_fields_exist() -> None:
    """The tables of the page name every field of a description and of a form, and no other."""
    page = (ROOT / "docs" / "endpoint.md").read_text()
    fields, forms = page.partition("Paths are relative")[::2]
    assert named(fields.partition("| field |")[2]) == set(Description.model_fields)
    keys = {field.alias or name for name, field in Pixels.model_fields.items()}
    assert named(forms.partition("| key of FORM |")[2].partition("##")[0]) == keys


def named(table: str) -> set[str]:
    """The names in the first column of a table."""
    first = [row.split("|")[1] for row in table.splitlines() if row.count("|") > 2]
    return {name for cell in first for name in re.findall(r"`(\w+)`", cell)}


def test_assessment_of_a_described_endpoint(project: Path) -> None:
    """The documented description is assessed: probe and budget are printed, rows have their verdicts."""
    words = ["--endpoint", "endpoint.toml", "--policy", "policy.toml", "--data", "grey.npz"]
    done = shell(project, "assess", *words, "--out", "reports")
    assert done.returncode == 3, done.stderr  # a row that is not measured
    printed = " ".join(done.stderr.split())
    assert "answers: probabilities, not rounded" in printed
    assert "16 images a request" in printed
    assert re.search(r"queries: at most [\d,]+ for these rows", printed)
    assert "budget: 50,000 a row, 1,000,000 in all" in printed
    found = {
        f.requirement.id: f for f in Assessment.load(project / "reports/assessment.json").findings
    }
    assert found["CLEAN-01"].verdict is Verdict.PASS
    assert found["ADV-01"].label == "PASS (survived 30 queries an image)"
    assert found["CERT-01"].verdict is Verdict.NOT_RUN
    assert found["CERT-01"].reason.startswith("no weights")


def test_policy_for_an_endpoint(
    project: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`init` prints what it may ask, and proposes rows that answers decide, with a fixture."""
    short = Ladder((Transfer(),), (Square(queries=20),), proves=False)
    monkeypatch.setitem(BUDGETS, "black-box", short)
    words = ("init", "--endpoint", "endpoint.toml", "--data", "grey.npz", "--images", "50")
    result = run(*words)
    assert result.exit_code == 0, result.output
    said = re.search(r"queries: at most ([\d,]+) for these rows", result.output)
    assert said is not None
    assert 100 < sum(service.sizes) <= int(said[1].replace(",", ""))
    written = policies.load(project / "security_tests" / "thresholds.toml")
    rows = {row.id: row for row in written.requirements}
    assert list(rows) == ["CLEAN-01", "ADV-02", "BACKDOOR-01"]
    assert rows["ADV-02"].settings["attack"] == {"use": "ladder", "budget": "black-box"}
    check_policy(written)
    threats = threat_model.load(project / "security_tests" / "threats.toml")
    assert "service" in threats.titles
    assert not {"page", "training-script"} & set(threats.titles)
    written_file = project / "conftest.py"
    fixture: dict[str, Any] = {"__file__": str(written_file)}
    exec(compile(written_file.read_text(), "conftest.py", "exec"), fixture)  # noqa: S102 # our own text
    subject = fixture["model"].__wrapped__()
    assert subject.remote is not None
    assert subject.remote.spec.shape == (1, 8, 8)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--model", "baseline", "--endpoint", "endpoint.toml"], "got both"),
        (["--endpoint", "endpoint.json"], "expected --endpoint FILE.toml"),
        (["--endpoint", "missing.toml"], "expected the description of an endpoint"),
        (["--model", "https://host.example/classify"], "https://HOST/v2/models/NAME"),
    ],
    ids=str,
)
def test_wrong_options_are_usage_errors(words: list[str], sentence: str, project: Path) -> None:
    """Both options, another file and another address end with exit code 2 and one sentence."""
    result = CliRunner().invoke(main, ["measure", "clean_accuracy", *words, "--data", "grey.npz"])
    assert result.exit_code == 2
    assert sentence in " ".join(
        str(result.exception or result.output).split() + result.output.split()
    )


def test_one_measurement(project: Path) -> None:
    """`securemnist measure` takes an endpoint, and says how many queries an attack had."""
    words = ["robust_accuracy", "--endpoint", "endpoint.toml", "--data", "grey.npz"]
    words += ["--attack", "RayS:queries=20", "--threat", "linf:0.2", "--images", "20"]
    result = CliRunner().invoke(main, ["measure", *words])
    assert result.exit_code == 0, result.output
    assert "at most 20 queries an image" in result.output


CONFTEST = """
from pathlib import Path

import pytest

from securemnist import data
from securemnist.models.loading import resolve

@pytest.fixture(scope="session")
def model():
    return resolve("endpoint.toml", input_spec=data.load(Path("grey.npz")).spec)
"""


@pytest.mark.parametrize(
    "options",
    [["--security-model=endpoint.toml"], [], ["--security-model=endpoint.toml", "--dist=load"]],
    ids=["option", "fixture", "xdist"],
)
def test_plain_pytest_prints_probe_and_estimate(project: Path, options: list[str]) -> None:
    """Probe, estimate and budget stand once in the terminal, also with captured output and workers."""
    suites = project / "security_tests"
    suites.mkdir()
    for name in ("test_clean.py", "test_evasion.py", "test_certified.py"):
        shutil.copy(resources.SUITES / name, suites)
    (project / "policy.toml").rename(suites / "thresholds.toml")
    if not options:
        (project / "conftest.py").write_text(CONFTEST)
    if "--dist=load" in options:  # one worker, as by -n1
        options = [*options, f"--tx=popen//python={warm.executable()}"]
    words = ["-q", "-p", "no:cacheprovider", "--security-data=grey.npz", "-m", "clean"]
    done = module(project, "pytest", *words, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("answers: probabilities, not rounded") == 1
    # 50 images, and those of the doubts about the answers.
    assert f"queries: at most {50 + ASKED.answers + ASKED.memory} for these rows" in done.stdout
    assert done.stdout.count("budget: 50,000 a row, 1,000,000 in all") == 1


def test_calls_from_python_print_probe_and_estimate(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`measure` and `assess` print them on stderr, unless progress is off."""
    sm.measure("clean_accuracy", "endpoint.toml", "grey.npz", images=50)
    printed = capsys.readouterr().err
    assert printed.count("16 images a request") == 1
    assert f"queries: at most {50 + ASKED.answers + ASKED.memory} for these rows" in printed
    (project / "policy.toml").write_text(POLICY.partition('[[requirement]]\nid = "ADV-01')[0])
    sm.assess("endpoint.toml", "grey.npz", policy="policy.toml")
    assert "budget: 50,000 a row, 1,000,000 in all" in capsys.readouterr().err
    sm.measure("clean_accuracy", "endpoint.toml", "grey.npz", images=50, progress=False)
    assert capsys.readouterr().err == ""
