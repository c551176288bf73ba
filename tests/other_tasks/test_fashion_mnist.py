"""Fashion-MNIST of the Debian package `dataset-fashion-mnist`: training, gate, comparison, report.

Skipped where the package is not installed, unless SECUREMNIST_REQUIRE_FASHION_MNIST=1.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import save_file
from torch import nn

from benchmarks.fashion_mnist import DEBIAN, DESCRIPTION
from securemnist._util import resources
from securemnist.data import DataSet
from securemnist.initial_policy import PROPOSALS, measured, templates
from securemnist.results import policy
from tests.commands import run
from tests.other_tasks.test_gate import assess, compare, document, verdicts
from tests.tasks import NETWORK, trained

NAME = "SECUREMNIST_REQUIRE_FASHION_MNIST"
REQUIRED = os.environ.get(NAME) == "1"
SHAPE = (1, 28, 28, 10)
# Of 10,000 test images, whatever the names of their classes and the form of their files.
DIGEST = "12895f6bbbedee8d811784f3b355d3895617418642ebd6cdff0e05826ace48f1"
CLASSES = ("T-shirt", "trouser", "pullover", "sandal", "ankle boot")


def why_skipped(folder: Path, required: bool) -> str:
    """Why the test is skipped; empty where it runs."""
    if folder.is_dir() or required:
        return ""
    return "the Debian package dataset-fashion-mnist is not installed"


def write(folder: Path, name: str, data: DataSet, images: int, epochs: int) -> str:
    """A module with a network that is trained on the first images; the SPEC of its factory."""
    few = data.train[:images]
    names: dict[str, type[nn.Module]] = {}
    exec(NETWORK, names)  # noqa: S102 # nosec B102 # our own text
    model = trained(lambda: names["Network"](*SHAPE), few.images(), few.labels, epochs)
    module = folder / f"{name}.py"
    module.write_text(f"SHAPE = {SHAPE}\n{NETWORK}")
    save_file(model.state_dict(), module.with_suffix(".safetensors"))
    return f"{name}:factory"


@pytest.mark.timeout(900)
@pytest.mark.skipif(bool(why_skipped(DEBIAN, REQUIRED)), reason=why_skipped(DEBIAN, REQUIRED))
def test_from_training_to_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trained network meets its first policy, a worse one is refused, and both are reported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    quick = (row for row in PROPOSALS if row.tier == "smoke")
    smoke = tuple(replace(row, images=60) if row.evasion else row for row in quick)
    monkeypatch.setattr(measured, "PROPOSALS", smoke)
    Path("fashion.toml").write_text(DESCRIPTION.format(data=DEBIAN))
    data = DataSet.load("fashion.toml")
    good = write(tmp_path, "good", data, images=4_000, epochs=3)
    worse = write(tmp_path, "worse", data, images=400, epochs=2)

    inspected = run("data", "inspect", "fashion.toml", "--out", "grid.png")
    assert inspected.exit_code == 0
    for words in ("1x28x28, 10 classes", "test: 10,000 images", "none found", DIGEST):
        assert words in inspected.output
    assert "ankle boot: 1,000, 522, 5,478" in inspected.output

    done = run("init", "--model", good, "--data", "fashion.toml", "--images", "60")
    assert done.exit_code == 0, done.output
    written = Path(templates.POLICY)
    assert "The data are grey images" in written.read_text()
    rows = {row.id: row for row in policy.load(written).requirements}
    assert 0.7 < (rows["CLEAN-01"].at_least or 0) < 0.9
    assert rows["ADV-01"].settings["threat"]["eps"] <= 8 / 255

    assert assess(good, "first") == 0
    found = document("first/assessment.json")
    assert found["subject"]["data"]["sha256"] == DIGEST
    assert verdicts("first").items() >= {"CLEAN-01": "PASS", "ADV-01": "PASS"}.items()
    assert assess(worse, "second", "CLEAN-01", "CLEAN-02") == 1
    assert verdicts("second")["CLEAN-01"] == "FAIL"
    assert compare("first", "second") == 1
    assert "worse | **CLEAN-01**" in Path("compared/compare.md").read_text()

    again = run("report", "first/assessment.json", "--out", "again")
    assert again.exit_code == 0, again.output
    for folder in ("first", "again"):
        page = Path(folder, "index.html").read_text()
        assert all(name in page for name in CLASSES)
        assert "MNIST's" not in page


def test_ci_requires_the_package(tmp_path: Path) -> None:
    """CI installs the package, and the test runs there even without it, and fails."""
    assert why_skipped(tmp_path, required=False) == why_skipped(tmp_path, required=True) == ""
    assert why_skipped(tmp_path / "absent", required=False)
    assert not why_skipped(tmp_path / "absent", required=True)
    script = (resources.ROOT / ".ci" / "run").read_text()
    before_tests = script.partition("-s tests")[0]
    assert f"export {NAME}=1" in before_tests
    assert re.search(r"apt-get install[^\n]*", before_tests)
    assert "dataset-fashion-mnist" in before_tests
    assert str(DEBIAN) in before_tests
