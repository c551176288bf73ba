"""`securemnist sweep`: networks by poison and by rate."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from securemnist.backdoor import Corner, DirtyLabel, LabelFlip
from securemnist.cli import main
from securemnist.train.sweep import names
from tests.tasks import small_digits

CORNER = '{kind = "dirty_label", trigger = {kind = "corner", size = 2}, target = 3}'
FLIP = '{kind = "label_flip", source = 1, target = 7}'


@pytest.fixture
def digits(tmp_path: Path) -> str:
    """An archive of scanned digits of 8x8."""
    path = tmp_path / "digits.npz"
    np.savez(path, **small_digits())
    return str(path)


def test_more_poison_succeeds_more(digits: str, tmp_path: Path) -> None:
    """A corner at 20 % of the images succeeds, few images do not; label flips have no success rate."""
    out = tmp_path / "out"
    words = ["--data", digits, "--poison", CORNER, "--poison", FLIP, "--rate", "0.2"]
    words += ["--rate", "0.007", "--epochs", "8", "--out", str(out)]
    result = CliRunner().invoke(main, ["sweep", *words])
    assert result.exit_code == 0, result.output
    few, many, *flips = json.loads((out / "sweep.json").read_text())["cells"]
    assert 1 <= few["poisoned"] <= 11 < 100 < many["poisoned"]
    assert few["success"] < 0.3 < 0.9 < many["success"]
    assert many["interval"][0] < many["success"] <= many["interval"][1]
    assert min(few["accuracy"], many["accuracy"]) > 0.8
    assert [cell["success"] for cell in flips] == [None, None]
    texts = (out / "sweep.svg").read_text()
    assert "ASR: dirty label, corner" in texts
    assert "0.7 %" in texts


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--rate", "0"], "rates above 0"),
        (["--rate", "nan"], "rates above 0"),
        (["--rate", "0.1", "--images", "4"], "rates that poison an image or more"),
        (["--recipe", "none"], "one of the recipes"),
        (
            ["--poison", CORNER.replace("}, target", "}, rate = 0.1, target")],
            "without count and rate",
        ),
        (["--poison", CORNER.replace("target = 3", "target = 30")], "target below 10"),
        (["--poison", CORNER.replace("size = 2", "size = 20")], "expected"),
        (["--poison", "kind"], "TOML table"),
    ],
)
def test_wrong_options_are_refused(
    words: list[str], reason: str, digits: str, tmp_path: Path
) -> None:
    """A wrong rate, recipe or poison is refused before anything is trained."""
    out = tmp_path / "out"
    result = CliRunner().invoke(main, ["sweep", "--data", digits, "--out", str(out), *words])
    assert result.exit_code == 2
    assert reason in result.output
    assert not (out / "sweep.json").exists()


def test_poisons_have_different_names() -> None:
    """Two poisons of one kind and trigger get names with different numbers."""
    corner = DirtyLabel(trigger=Corner(), target=1, rate=0.1)
    flip = LabelFlip(source=1, target=2, rate=0.1)
    assert names([corner, flip, corner]) == [
        "dirty label, corner",
        "label flip",
        "dirty label, corner (2)",
    ]
