"""Stored adversarial examples and their replay, by the command line."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from securemnist._util.hashing import sha256
from securemnist.data import DataSet
from securemnist.errors import SecureMnistError
from securemnist.evaluation import example_store
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from tests.commands import run, shell
from tests.comparison.test_commands import TOY
from tests.error_form import one_sentence
from tests.policies import FGSM, ROBUST, table

TWO_STEPS = '{ use = "PGD", steps = 2 }'
POLICY = "".join(
    table(row, images="60", at_least="0.15", attack=attack)
    for row, attack in (
        ({**ROBUST, "id": '"ADV-01"', "measure": '"attack_accuracy"'}, TWO_STEPS),
        ({**FGSM, "id": '"ADV-02"'}, FGSM["attack"]),
        ({**ROBUST, "id": '"ADV-03"'}, TWO_STEPS),
    )
)
ASSESS = ("assess", "--model", "toy:good", "--policy", "small.toml")
CONFTEST = """
import pytest
import toy

@pytest.fixture(scope="session")
def model():
    return toy.good()
"""


def read(folder: Path) -> dict[str, Any]:
    """The findings of the assessment in this folder, by row."""
    document = json.loads((folder / "assessment.json").read_text())
    return {finding["requirement"]["id"]: finding for finding in document["findings"]}


@pytest.fixture(scope="module")
def assessed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a policy and the report of an assessment."""
    folder = tmp_path_factory.mktemp("assessed")
    (folder / "small.toml").write_text(POLICY)
    (folder / "toy.py").write_text(TOY)
    done = shell(folder, *ASSESS, "--out", "first")
    assert (folder / "first" / "assessment.json").is_file(), done.stderr
    return folder


@pytest.fixture
def folder(assessed: Path, cwd: Path) -> Path:
    """A copy of it, to be damaged."""
    shutil.copytree(assessed, cwd, dirs_exist_ok=True)
    return cwd


def test_assessment_stores_every_adversarial_example(assessed: Path) -> None:
    """Each row's examples lie beside the assessment, which names file, number and SHA-256."""
    first = assessed / "first"
    for name, finding in read(first).items():
        evidence = finding["measurement"]["evidence"]
        kept = evidence["adversarial_examples"]
        assert kept["file"] == f"adversarial/{name}.npz"
        assert kept["sha256"] == sha256((first / kept["file"]).read_bytes())
        assert kept["images"] == sum(stage["fell"] for stage in evidence["waterfall"]) > 0
        assert kept["sha256"] in (first / "index.html").read_text()
        assert "examples" not in finding["measurement"]


def test_replay_measures_fixture_model_again(folder: Path) -> None:
    """Searches start with stored examples; a fixture's model is measured again without --model."""
    (folder / "conftest.py").write_text(CONFTEST)
    words = ("--policy", "small.toml", "--row", "ADV-03", "--out", "second", "--replay", "first")
    done = shell(folder, "assess", *words)
    assert (folder / "second" / "assessment.json").is_file(), done.stderr
    finding = read(folder / "second")["ADV-03"]
    first, second = finding["measurement"]["evidence"]["waterfall"]
    assert (first["stage"], second["stage"]) == ("replay", "PGD-2")
    assert first["fell"] > 0 == second["fell"]
    options = f"--policy=small.toml --replay=first --project={folder.resolve()}"
    command = f"securemnist assess --row ADV-03 --tier standard {options}"
    assert finding["replay"] == command


def damage(folder: Path, how: str) -> None:
    """Damage the report in one way."""
    kept, facts = folder / "adversarial" / "ADV-01.npz", folder / "assessment.json"
    document = json.loads(facts.read_text())
    evidence = document["findings"][0]["measurement"]["evidence"]
    if how == "altered":
        kept.write_bytes(kept.read_bytes()[:-9] + b"123456789")
    elif how == "gone":
        kept.unlink()
    elif how == "a folder":
        kept.unlink()
        kept.mkdir()
    elif how == "vouched for":
        kept.write_bytes(b"no archive")
        evidence["adversarial_examples"]["sha256"] = sha256(kept.read_bytes())
    elif how == "a row that leads elsewhere":
        document["findings"][0]["requirement"]["id"] = "../../small"
    elif how == "facts that are none":
        evidence["adversarial_examples"] = [7]
    elif how == "other data":
        document["subject"]["data"]["digests"] = {"x": "y"}
    else:
        document["subject"]["data"] = 7
    facts.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        ("altered", "expected SHA-256"),
        ("gone", "got No such file"),
        ("a folder", "got Is a directory"),
        ("vouched for", "expected stored adversarial examples, got no archive as numpy writes it"),
        ("a row that leads elsewhere", "got one of row '../../small'"),
        ("facts that are none", "adversarial_examples: Input should be"),
        ("other data", "got one on other data"),
        ("no data", "got one on other data"),
    ],
)
def test_replay_refuses_damaged_reports(
    folder: Path, mnist: DataSet, how: str, complaint: str
) -> None:
    """Stored examples of a damaged report are refused in one sentence."""
    damage(folder / "first", how)
    with pytest.raises(SecureMnistError, match=re.escape(complaint)) as caught:
        example_store.load([Path("first")], mnist)
    one_sentence(caught.value)


def test_contact_sheet_and_table_match_images(context: Context) -> None:
    """The PNG sheet and the CSV of label, prediction and norms agree with the images."""
    row = {"attack": {"use": "FGSM"}, "threat": {"norm": "linf", "eps": 0.3}, "images": 20}
    measurement = take_measurement(context, "attack_accuracy", bind("attack_accuracy", row), 0)
    kept, files = example_store.pack(measurement, context, "ADV-01")
    assert set(files) == {f"adversarial/ADV-01.{kind}" for kind in ("npz", "png", "csv")}
    assert kept.evidence.adversarial_examples.images == len(measurement.examples)
    assert files["adversarial/ADV-01.png"].startswith(b"\x89PNG")
    lines = list(csv.DictReader(files["adversarial/ADV-01.csv"].decode().splitlines()))
    assert [int(line["test_image"]) for line in lines] == measurement.examples.places.tolist()
    for line in lines:
        assert line["label"] != line["prediction"]
        assert 0 < float(line["linf"]) <= 0.300001
        assert float(line["linf"]) <= float(line["l2"])


def test_replay_refuses_folder_without_assessment(folder: Path) -> None:
    """A folder without an assessment ends the command with exit code 2; no report is written."""
    result = run(*ASSESS, "--out", "second", "--replay", ".")
    assert result.exit_code == 2
    assert len(result.output.strip().splitlines()) == 1
    assert not (folder / "second" / "assessment.json").exists()
    assert "assessment.json: cannot be read" in result.output
