"""The training curve is a file of its own, made of nothing but the manifest's history."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from securemnist._util.resources import ROOT
from securemnist.train.curve import training_curve
from tests.report.hostile import BREAKOUT
from tests.report.markup import Markup

MANIFESTS = sorted((ROOT / "fixtures" / "weights").glob("*.json"))


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_a_bundled_curve_is_that_of_its_manifest(manifest: Path) -> None:
    """Every reference model's picture is drawn from the history that its manifest records."""
    told = json.loads(manifest.read_text())
    assert manifest.with_suffix(".svg").read_bytes() == training_curve(
        told["name"], told["history"]
    )


def test_each_epoch_has_its_mark() -> None:
    """A line a quantity, a mark an epoch, and one beside its name; what was not probed has neither."""
    history = [{"epoch": k, "accuracy": 0.5, "tuning_accuracy": 0.9} for k in (1, 2, 3)]
    text = training_curve("net", history).decode()
    assert len(re.findall("<circle", text)) == 2 * (3 + 1)
    assert "tuning, clean" in text
    assert "PGD" not in text


@pytest.mark.parametrize("epochs", [0, 1, 1000])
def test_any_run_has_a_curve(epochs: int) -> None:
    """None, one or a thousand epochs make a picture whose tags balance."""
    history = [{"epoch": k + 1, "accuracy": 0.5} for k in range(epochs)]
    assert "svg" in Markup(training_curve("net", history).decode()).tags


def test_a_hostile_name_is_only_drawn() -> None:
    """Markup in a model's name stays text."""
    drawn = Markup(training_curve(BREAKOUT, []).decode())
    assert drawn.tags == {"svg", "style", "path", "text"}
    assert "evil-tag" in drawn.text
