"""Training curve: an SVG file drawn from the manifest's history alone."""

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
def test_bundled_curve_matches_manifest(manifest: Path) -> None:
    """The SVG of each reference model is drawn from the history in its manifest."""
    phrase = json.loads(manifest.read_text())
    assert manifest.with_suffix(".svg").read_bytes() == training_curve(
        phrase["name"], phrase["history"]
    )


def test_curve_has_mark_per_epoch() -> None:
    """A line per quantity and a mark per epoch; a missing quantity has neither."""
    history = [{"epoch": k, "accuracy": 0.5, "tuning_accuracy": 0.9} for k in (1, 2, 3)]
    text = training_curve("net", history).decode()
    assert len(re.findall("<circle", text)) == 2 * (3 + 1)
    assert "tuning, clean" in text
    assert "PGD" not in text


@pytest.mark.parametrize("epochs", [0, 1, 1000])
def test_curve_for_any_number_of_epochs(epochs: int) -> None:
    """No, one or a thousand epochs give an SVG with balanced tags."""
    history = [{"epoch": k + 1, "accuracy": 0.5} for k in range(epochs)]
    assert "svg" in Markup(training_curve("net", history).decode()).tags


def test_curve_escapes_name() -> None:
    """Markup in a model's name stays text."""
    drawn = Markup(training_curve(BREAKOUT, []).decode())
    assert drawn.tags == {"svg", "style", "path", "text"}
    assert "evil-tag" in drawn.text
