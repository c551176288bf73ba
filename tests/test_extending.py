"""Extensions of the user's own, in a project that holds the examples of docs/extending.md."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from securemnist._util import resources
from securemnist.attacks import make_attack
from securemnist.attacks.base import Attack
from securemnist.attacks.refereed import attempt
from securemnist.comparison.comparison import compare
from securemnist.errors import UsageError
from securemnist.evaluation import own_doubts
from securemnist.measures import find
from securemnist.results.assessment import Assessment
from securemnist.threats import Linf
from tests.attacks.models import linear
from tests.commands import python, run, shell
from tests.error_form import one_sentence

DOCS = (resources.ROOT / "docs" / "extending.md").read_text()
NETS = """
from securemnist.models import loading

def make():
    return loading.resolve("baseline").model
"""


def write_project(folder: Path) -> None:
    """The examples of the page, each in the file that the page names."""
    modules = re.findall(
        r"`((?:my_pkg|security_tests)/\w+\.py)`:\n\n```python\n(.*?)```", DOCS, re.S
    )
    settings, *rows = re.findall(r"```toml\n(.*?)```", DOCS, re.S)
    assert len(modules) == 4
    assert len(rows) == 2
    files = dict(modules) | {"pyproject.toml": settings, "my_pkg/nets.py": NETS}
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "security_tests" / "thresholds.toml").write_text("\n".join(rows))


def ended(done: subprocess.CompletedProcess[str], code: int) -> str:
    """What a command printed; it has to end with this exit code."""
    told = done.stdout + done.stderr
    assert done.returncode == code, told
    return told


@pytest.fixture(scope="module")
def assessed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The project after one assessment, and what that printed."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    return folder, ended(shell(folder, "assess", "security_tests"), 3)


def findings(folder: Path) -> dict[str, Any]:
    """The findings of the report by the id of their row."""
    made = json.loads((folder / "reports" / "assessment.json").read_text())
    return {finding["requirement"]["id"]: finding for finding in made["findings"]}


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
        "confusion matrix when blurred",
    ):
        assert text in section[0]
    for text in (printed, (folder / "reports" / "summary.md").read_text()):
        assert "BLUR-01" in text
        assert "Blurred images keep their class" in text


def test_reading_needs_no_code_of_the_user_s(assessed: tuple[Path, str], tmp_path: Path) -> None:
    """Report and comparison of a stored assessment show the section where the package is not there."""
    made = json.loads((assessed[0] / "reports" / "assessment.json").read_text())
    for name, digest in (("old", "0" * 64), ("new", made["subject"]["digest"])):
        made["subject"]["digest"] = digest
        (tmp_path / f"{name}.json").write_text(json.dumps(made))
    ended(shell(tmp_path, "report", "new.json", "--out", "again"), 0)
    assert "Common corruptions" in (tmp_path / "again" / "index.html").read_text()
    ended(shell(tmp_path, "compare", "old.json", "new.json", "--out", "both"), 3)
    changes = json.loads((tmp_path / "both" / "compare.json").read_text())["changes"]
    blur = next(change for change in changes if change["id"] == "BLUR-01")
    assert (blur["difference"], blur["n"], blur["family"]) == (0, 200, "corruptions")
    assert blur["paired"].startswith("paired")
    assert "BLUR-01" in (tmp_path / "both" / "compare.md").read_text()
    made["environment"]["code"]["my_pkg.measures:BLUR_ACCURACY"] = "0" * 64
    (tmp_path / "old.json").write_text(
        json.dumps(made | {"subject": {**made["subject"], "digest": "0" * 64}})
    )
    changes = compare(
        *(Assessment.load(tmp_path / f"{name}.json") for name in ("old", "new"))
    ).changes
    assert changes[1].reason == "the code of my_pkg.measures:BLUR_ACCURACY is another"


def test_pytest_runs_it_where_markers_are_strict(tmp_path: Path) -> None:
    """The marker of the user's own family is declared, and selects its rows."""
    write_project(tmp_path)
    words = (
        "-m",
        "pytest",
        "--strict-markers",
        "-m",
        "corruptions",
        "-q",
        "-p",
        "no:cacheprovider",
    )
    assert "1 passed" in ended(python(tmp_path, *words), 0)


def test_code_that_only_a_policy_names_is_not_run(tmp_path: Path) -> None:
    """Without `trusted` the command ends with exit code 2, and nothing of the package is imported."""
    write_project(tmp_path)
    (tmp_path / "my_pkg" / "attacks.py").write_text("raise SystemExit('imported')\n")
    (tmp_path / "my_pkg" / "measures.py").write_text("raise SystemExit('imported')\n")
    (tmp_path / "pyproject.toml").write_text("")
    shutil.rmtree(tmp_path / "my_pkg" / "__pycache__", ignore_errors=True)
    told = ended(shell(tmp_path, "assess", "--model", "baseline"), 2)
    assert "got the code 'my_pkg.attacks:Noise', which a policy alone does not run" in told
    assert "imported" not in told


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The project as working folder; its modules are forgotten afterwards."""
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "my_pkg"
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_pkg"]:
        del sys.modules[name]


def test_one_measurement_with_an_attack_of_the_user_s_own(package: Path) -> None:
    """The command `measure` takes the attack and the measure by name; so does `explain`."""
    words = ("--model", "baseline", "--digits", "20")
    attack = ("--threat", "linf:0.1", "--attack", "my_pkg.attacks:Noise:trials=2")
    done = run("measure", "attack_accuracy", *words, *attack)
    assert "attack_accuracy 1.0000 on 20 digits" in done.output
    done = run("measure", "my_pkg.measures:BLUR_ACCURACY", *words)
    assert "BLUR_ACCURACY 1.0000 on 20 digits" in done.output
    assert "trials: default 10" in run("explain", "my_pkg.attacks:Noise").output
    assert "(family corruptions)" in run("explain", "my_pkg.measures:BLUR_ACCURACY").output


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        ({"use": "my_pkg.nothing:Noise"}, "expected a module to import"),
        ({"use": "my_pkg.attacks:Gone"}, "expected Gone in the module"),
        ({"use": "my_pkg.broken:Noise"}, "its import raised ValueError (not today)"),
        (
            {"use": "my_pkg.attacks:torch"},
            "a subclass of securemnist.attacks.base.Attack, got module",
        ),
        ({"use": "my_pkg.attacks:Noise", "steps": 5}, "(trials), got 'steps'"),
        ({"use": "my_pkg.broken_settings:Strict", "trials": "many"}, "TypeError"),
        ({"use": "my_pkg.broken_settings:Abstract"}, "to have the method propose"),
    ],
    ids=str,
)
def test_a_wrong_attack_is_one_sentence(package: Path, attack: dict[str, Any], words: str) -> None:
    """A module, class or setting that cannot be used is a UsageError (exit code 2) of one sentence."""
    (package / "broken.py").write_text("raise ValueError('not today')\n")
    (package / "broken_settings.py").write_text(
        "from my_pkg.attacks import Attack, Noise, dataclass\n\n\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Strict(Noise):\n"
        "    def __post_init__(self):\n"
        "        assert self.trials + 1\n\n\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Abstract(Attack):\n"
        "    trials: int = 1\n"
    )
    with pytest.raises(UsageError) as caught:
        make_attack(attack)
    assert words in one_sentence(caught.value)
    assert caught.value.exit_code == 2


def test_an_attack_says_what_it_is(package: Path) -> None:
    """Its settings and its name in a policy make the same attack again."""
    attack = make_attack({"use": "my_pkg.attacks:Noise", "trials": 7})
    assert attack.to_json() == {"use": "my_pkg.attacks:Noise", "trials": 7}
    assert make_attack(attack.to_json()) == attack


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "my_pkg.measures:blur_accuracy",
            "to be a securemnist.measures.base.Measure, got function",
        ),
        ("my_pkg.own:SHADOW", "expected a family with a name of its own"),
        ("my_pkg.own:TIER", "expected a family with a name of its own"),
    ],
)
def test_a_wrong_measure_is_one_sentence(package: Path, name: str, words: str) -> None:
    """A value that is no Measure, or a family that replaces a bundled one or a tier, is refused."""
    (package / "own.py").write_text(
        "import dataclasses\nfrom my_pkg.measures import BLUR_ACCURACY, Family\n\n"
        "SHADOW = dataclasses.replace(BLUR_ACCURACY, family=Family(name='static', proofs=True))\n"
        "TIER = dataclasses.replace(BLUR_ACCURACY, family=Family(name='smoke'))\n"
    )
    with pytest.raises(UsageError) as caught:
        find(name)
    assert words in one_sentence(caught.value)


@pytest.mark.parametrize(
    ("doubts", "words"),
    [
        ('["only_noise"]', "expected a doubt as pkg.module:function"),
        ('["my_pkg.doubts:gone"]', "expected gone in the module"),
        ('["my_pkg.measures:CORRUPTIONS"]', "expected a function of a SearchCase, got Family"),
        ('"my_pkg.doubts:only_noise"', "expected [tool.securemnist] with model, policy"),
    ],
)
def test_a_wrong_doubt_is_one_sentence(package: Path, doubts: str, words: str) -> None:
    """A name that is no function is a UsageError before anything is measured."""
    (package.parent / "pyproject.toml").write_text(f"[tool.securemnist]\ndoubts = {doubts}\n")
    with pytest.raises(UsageError) as caught:
        own_doubts.of_project(package.parent)
    assert words in one_sentence(caught.value)


@dataclass(frozen=True, kw_only=True)
class Writer(Attack):
    """Writes into the images and labels that it was given, and proposes them."""

    def propose(self, model: Any, x: Any, y: Any, **_: Any) -> Any:
        x.fill_(0.5)
        y.fill_(0)
        return x


def test_an_attack_that_writes_into_its_input_changes_no_ruling() -> None:
    """The referee rules by the images and labels of the data, not by what an attack made of them."""
    model, x, y, _ = linear("linf")
    kept, labels = x.clone(), y.clone()
    rng = torch.Generator().manual_seed(0)
    _, ruling = attempt(Writer(), model, model, x, y, threat=Linf(1e-3), rng=rng)
    assert torch.equal(x, kept)
    assert torch.equal(y, labels)
    assert not ruling.valid.any()
    assert not ruling.fooled.any()
