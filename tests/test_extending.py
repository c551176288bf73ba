"""Extensions of the user's own, in a project that holds the examples of docs/extending.md."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from securemnist.comparison.comparison import compare
from securemnist.results.assessment import Assessment
from tests.commands import module, shell
from tests.extensions import write_project


def ended(done: subprocess.CompletedProcess[str], code: int) -> str:
    """What a command printed; it has to end with this exit code."""
    phrase = done.stdout + done.stderr
    assert done.returncode == code, phrase
    return phrase


@pytest.fixture(scope="module")
def assessed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The project after one assessment, and what that printed."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    return folder, ended(shell(folder, "assess", "security_tests"), 3)


def findings(folder: Path) -> dict[str, Any]:
    """The findings of the report by the id of their row."""
    document = json.loads((folder / "reports" / "assessment.json").read_text())
    return {finding["requirement"]["id"]: finding for finding in document["findings"]}


def test_an_attack_of_the_user_s_own_is_one_of_the_row_s(assessed: tuple[Path, str]) -> None:
    """It runs as a stage of the row, by its name and settings, and what it proposes is refereed."""
    found = findings(assessed[0])["ADV-NOISE"]
    (stage,) = found["measurement"]["evidence"]["waterfall"]
    assert (stage["stage"], stage["entered"]) == ("Noise", 40)
    assert stage["over_budget"] == 0
    page = (assessed[0] / "reports" / "index.html").read_text()
    assert "Under Noise (trials 3), with no pixel changed" in page.replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_a_doubt_of_the_user_s_own_keeps_a_row_from_passing(assessed: tuple[Path, str]) -> None:
    """It stands beside the bundled doubts, and the row is INCONCLUSIVE."""
    found = findings(assessed[0])["ADV-NOISE"]
    doubts = [doubt["name"] for doubt in found["measurement"]["doubts"]]
    assert found["verdict"] == "INCONCLUSIVE"
    assert "only noise" in doubts
    assert "planted examples" in doubts


def test_a_measure_of_the_user_s_own_has_a_section(assessed: tuple[Path, str]) -> None:
    """Page, summary and terminal show its row; the page has its section with heading and introduction."""
    folder, printed = assessed
    assert findings(folder)["BLUR-01"]["verdict"] == "PASS"
    page = (folder / "reports" / "index.html").read_text()
    section = re.search(r'<section id="family-\d-corruptions".*?</section>', page, re.S)
    assert section is not None
    for text in (
        "Common corruptions",
        "stay right on images of bad quality",
        "when blurred",
        "Confusion matrix when blurred",
    ):
        assert text in section[0]
    for text in (printed, (folder / "reports" / "summary.md").read_text()):
        assert "BLUR-01" in text
        assert "Blurred images keep their class" in text


def test_reading_needs_no_code_of_the_user_s(assessed: tuple[Path, str], tmp_path: Path) -> None:
    """Report and comparison of a stored assessment show the section where the package is not there."""
    document = json.loads((assessed[0] / "reports" / "assessment.json").read_text())
    for name, digest in (("old", "0" * 64), ("new", document["subject"]["digest"])):
        document["subject"]["digest"] = digest
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    ended(shell(tmp_path, "report", "new.json", "--out", "again"), 0)
    assert "Common corruptions" in (tmp_path / "again" / "index.html").read_text()
    ended(shell(tmp_path, "compare", "old.json", "new.json", "--out", "both"), 3)
    changes = json.loads((tmp_path / "both" / "compare.json").read_text())["changes"]
    blur = next(change for change in changes if change["id"] == "BLUR-01")
    assert (blur["difference"], blur["n"], blur["family"]) == (0, 200, "corruptions")
    assert blur["paired"].startswith("paired")
    assert "BLUR-01" in (tmp_path / "both" / "compare.md").read_text()
    document["environment"]["code"]["my_pkg.measures:BLUR_ACCURACY"] = "0" * 64
    (tmp_path / "old.json").write_text(
        json.dumps(document | {"subject": {**document["subject"], "digest": "0" * 64}})
    )
    changes = compare(
        *(Assessment.load(tmp_path / f"{name}.json") for name in ("old", "new"))
    ).changes
    assert changes[1].reason == "the code of my_pkg.measures:BLUR_ACCURACY is another"


DIM = """
from dataclasses import dataclass
from securemnist.defences.base import InputDefence

@dataclass(frozen=True, kw_only=True)
class Dim(InputDefence):
    '''Pixels times a factor.'''

    factor: float = 0.9

    def transform(self, x):
        return self.factor * x
"""


def test_a_doubt_and_a_defence_of_the_user_s_own_are_explained(tmp_path: Path) -> None:
    """`explain` prints the docstring of each, and the settings of the defence."""
    write_project(tmp_path)
    (tmp_path / "my_pkg" / "defences.py").write_text(DIM)
    doubt = shell(tmp_path, "explain", "my_pkg.doubts:only_noise")
    assert "only_noise: The row's attacks are noise alone." in ended(doubt, 0)
    defence = shell(tmp_path, "explain", "my_pkg.defences:Dim")
    assert "Dim: Pixels times a factor.\n  factor: 0.9\n" in ended(defence, 0)


def test_pytest_runs_it_where_markers_are_strict(tmp_path: Path) -> None:
    """The marker of the user's own family is declared, and selects its rows."""
    write_project(tmp_path)
    words = ("--strict-markers", "-m", "corruptions", "-q", "-p", "no:cacheprovider")
    assert "1 passed" in ended(module(tmp_path, "pytest", *words), 0)


def test_code_that_only_a_policy_names_is_not_run(tmp_path: Path) -> None:
    """Without `trusted` the command ends with exit code 2, and nothing of the package is imported."""
    write_project(tmp_path)
    (tmp_path / "my_pkg" / "attacks.py").write_text("raise SystemExit('imported')\n")
    (tmp_path / "my_pkg" / "measures.py").write_text("raise SystemExit('imported')\n")
    (tmp_path / "pyproject.toml").write_text("")
    shutil.rmtree(tmp_path / "my_pkg" / "__pycache__", ignore_errors=True)
    phrase = ended(shell(tmp_path, "assess", "--model", "baseline"), 2)
    assert "got the code 'my_pkg.attacks:Noise', which a policy alone does not run" in phrase
    assert "imported" not in phrase
