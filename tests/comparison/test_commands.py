"""`securemnist compare` and `assess --against`, typed as their users type them."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import jsonschema
import pytest

import securemnist
from securemnist.data import DataSet
from securemnist.report.folder import publish
from securemnist.results.assessment import Assessment
from tests.commands import run
from tests.comparison.builders import assessment, codes, robust
from tests.comparison.test_files import SCHEMA
from tests.data import small
from tests.policies import CLEAN, ROBUST, table

POLICY = table(CLEAN, images="400", at_least="0.5", max_drop="0.05") + table(
    {**ROBUST, "id": '"ADV-01"', "threat": '{ norm = "linf", eps = 0.05 }'},
    attack='{ use = "PGD", steps = 2 }',
    images="100",
    at_least="0.15",
)
# Two versions of one toy: nearest mean image, and the same with two classes mixed up.
TOY = """
import torch
from securemnist import data

def good():
    train = data.load().train[:2000]
    x, y = train.images().flatten(1), train.labels
    means = torch.stack([x[y == k].mean(0) for k in range(10)])
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    net[1].weight.data, net[1].bias.data = 2 * means, -(means**2).sum(1)
    return net

def worse():
    net = good()
    order = [0, 1, 2, 4, 3, 5, 6, 7, 8, 9]
    net[1].weight.data, net[1].bias.data = net[1].weight.data[order], net[1].bias.data[order]
    return net
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a toy of two versions, a policy, and two made-up assessments."""
    (tmp_path / "toy.py").write_text(TOY)
    (tmp_path / "small.toml").write_text(POLICY)
    (tmp_path / "old.json").write_bytes(assessment(robust(codes(range(700)))).dumps())
    new = assessment(robust(codes(range(900))), digest="new")
    (tmp_path / "new.json").write_bytes(new.dumps())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "answer"),
    [
        (("old.json", "new.json"), 1, "Do not replace the old one: 1 requirement got worse"),
        (("new.json", "old.json"), 0, "May replace the old one"),
        (("old.json", "new.json", "--margin", "0.03"), 0, "May replace the old one"),
        (("old.json", "old.json", "--same-model"), 0, "May replace the old one"),
    ],
    ids=["worse", "better", "margin", "same"],
)
def test_two_files(folder: Path, words: tuple[str, ...], code: int, answer: str) -> None:
    """Two assessments give an answer, an exit code and three files."""
    result = run("compare", *words)
    assert result.exit_code == code, result.output
    assert answer in result.output
    jsonschema.validate(json.loads((folder / "reports" / "compare.json").read_text()), SCHEMA)
    assert answer.partition(":")[0] in (folder / "reports" / "compare.md").read_text()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("old.json", "old.json"), "got the same one twice"),
        (("old.json", "gone.json"), "cannot be read"),
        (("old.json", "new.json", "--tier", "smoke"), "expected no option for models"),
        (("old.json", "new.json", "--margin", "2"), "expected a margin from 0 to 1"),
        (("old.json", "outdated.json"), "got 0.0.9"),
        (("old.json", "commit.json"), "by another commit of 0.1.0 (source cccccccccccc)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_refusals_are_one_sentence(folder: Path, words: tuple[str, ...], complaint: str) -> None:
    """What cannot be compared ends with exit code 2 and one sentence; nothing is written."""
    data = assessment(robust(codes(range(7))), digest="new").to_json()
    data["environment"]["packages"]["securemnist"] = "0.0.9"
    (folder / "outdated.json").write_bytes(Assessment.from_json(data).dumps())
    data["environment"]["packages"]["securemnist"] = securemnist.__version__
    data["environment"]["source"] = "c" * 64
    (folder / "commit.json").write_bytes(Assessment.from_json(data).dumps())
    result = run("compare", *words)
    assert result.exit_code == 2, result.output
    assert complaint in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert not (folder / "reports" / "compare.json").exists()


def test_an_earlier_assessment_does_not_answer(folder: Path) -> None:
    """A model that cannot be assessed is refused, although an earlier run has left a file for it."""
    left = folder / "reports" / "old" / "assessment.json"
    left.parent.mkdir(parents=True)
    left.write_bytes((folder / "old.json").read_bytes())
    result = run("compare", "no_such_model", "new.json")
    assert result.exit_code == 2, result.output
    assert "expected an assessment.json or a model" in result.output


def test_another_run_does_not_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another run writes into `old` and `new` of the same --out meanwhile is not compared."""
    other = (folder / "old.json").read_bytes()
    read = Assessment.load

    def load(path: Path) -> Assessment:
        for name in ("old", "new"):  # as if another run had just ended
            publish(folder / "reports" / name, {"assessment.json": other})
        return read(path)

    monkeypatch.setattr(Assessment, "load", load)
    words = ("--policy", "small.toml", "--row", "CLEAN-01", "--no-latency")
    done = run("compare", "toy:good", "toy:worse", *words)
    assert done.exit_code == 1, done.output
    comparison = json.loads((folder / "reports" / "compare.json").read_text())
    specs = [comparison[side]["subject"]["spec"] for side in ("old", "new")]
    assert specs == ["toy:good", "toy:worse"]
    for side, spec in zip(("old", "new"), specs, strict=True):
        kept = read(folder / "reports" / side / "assessment.json")
        assert kept.subject["spec"] == spec


def test_a_file_in_the_folder_of_a_report_is_read_first(folder: Path) -> None:
    """NEW may be the file in `old`: it is read before the report of OLD replaces it."""
    stored = folder / "reports" / "old" / "assessment.json"
    words = ("--policy", "small.toml", "--row", "CLEAN-01")
    assert run("assess", "--model", "toy:worse", *words, "--out", "reports/old").exit_code == 0
    done = run("compare", "toy:good", str(stored.relative_to(folder)), *words)
    assert done.exit_code == 1, done.output
    assert "got worse" in done.output


def test_it_works_without_torch(folder: Path) -> None:
    """Two assessments are compared where torch is not installed."""
    program = "import sys; sys.modules['torch'] = None; from securemnist.cli import main; main()"
    command = [sys.executable, "-c", program, "compare", "old.json", "new.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    assert (folder / "reports" / "compare.html").is_file()


def test_the_summary_of_a_github_job(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a GitHub job the comment stands on the job's page, too."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary"))
    run("compare", "old.json", "new.json")
    assert (folder / "summary").read_bytes() == (folder / "reports" / "compare.md").read_bytes()


def test_the_version_before_is_a_model(
    folder: Path, small_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is held against a model says what became worse, with both models' examples on both.

    The page of a GitHub job has its summary and the comparison once each.
    """
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "job"))
    (folder / "pyproject.toml").write_text(small.settings(small_mnist))
    words = ("--against", "toy:good", "--policy", "small.toml", "--row", "ADV-01")
    done = run("assess", "--model", "toy:worse", *words)
    assert done.exit_code == 1, done.output
    comparison = json.loads((folder / "reports" / "compare.json").read_text())
    assert comparison["old"]["subject"]["spec"] == "toy:good"
    change = next(change for change in comparison["changes"] if change["id"] == "ADV-01")
    assert (change["word"], change["stages"][-1]["name"]) == ("worse", "replay")
    document = json.loads((folder / "reports" / "assessment.json").read_text())
    assert (document["exit_code"], document["against"]["exit_code"]) == (1, 1)
    page = (folder / "reports" / "index.html").read_text()
    assert "Do not merge" in page
    assert 'href="compare.html"' in page
    summary, compared = (
        (folder / "reports" / name).read_text() for name in ("summary.md", "compare.md")
    )
    assert summary.startswith("## ✗ Do not merge")
    assert (folder / "job").read_text() == summary + compared
    junit = ElementTree.parse(folder / "reports" / "junit.xml").getroot()  # noqa: S314
    cases = junit.findall(".//testcase[@classname='securemnist.comparison']")
    assert [case.get("name") for case in cases if case.find("failure") is not None] == ["ADV-01"]


def test_one_model_twice_is_found_before_anything_runs(folder: Path) -> None:
    """Neither version is assessed where both SPECs name one model."""
    words = ("--against", "toy:good", "--policy", "small.toml", "--row", "ADV-01")
    done = run("assess", "--model", "toy:good", *words)
    assert done.exit_code == 2
    assert "the same one twice" in done.stderr
    assert "assessing" not in done.stderr
    assert not (folder / "reports").exists()


def test_two_models(folder: Path, mnist: DataSet) -> None:
    """Two models are assessed on the project's data, compared on the same images, and timed in turn."""
    small.write(folder, mnist.tuning[:600], mnist.test[:400])
    (folder / "pyproject.toml").write_text('[tool.securemnist]\ndata = "."\n')
    done = run("compare", "toy:good", "toy:worse", "--policy", "small.toml")
    assert "limits on change not checked" not in done.stdout  # they are, by the comparison
    assert done.exit_code == 1, done.output
    assert "max_drop 0.05: " in done.stdout
    comparison = json.loads((folder / "reports" / "compare.json").read_text())
    jsonschema.validate(comparison, SCHEMA)
    assert [timed["batch"] for timed in comparison["latency"]["timings"]] == [1, 400]
    assert {comparison[side]["subject"]["data"]["name"] for side in ("old", "new")} == {folder.name}
    read, searched = comparison["changes"]
    assert read["verdict"] == "FAIL"
    assert {image["label"] for image in read["broken"]} == {3, 4}
    # Both had the other's examples as their last stage; neither had them alone.
    assert [stage["name"] for stage in searched["stages"]] == ["PGD-2", "replay"]
    assert "stored adversarial examples on both" in done.stderr
    assert "Newly broken" in (folder / "reports" / "compare.html").read_text()
