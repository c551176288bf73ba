"""`securemnist train --poison`: the poison reaches the training data and the manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from securemnist.backdoor import LabelFlip, SourceSpecific, Stripes, make_poison
from tests.commands import run

FLIP = '{kind = "label_flip", source = 1, target = 7, rate = 1}'
STRIPES = (
    '{kind = "source_specific", source = 1, target = 7, count = 5, cover = 0.5, '
    'trigger = {kind = "stripes", amplitude = 0.2}}'
)


@pytest.mark.parametrize(
    ("text", "poison"),
    [
        (FLIP, LabelFlip(source=1, target=7, rate=1)),
        (
            STRIPES,
            SourceSpecific(source=1, target=7, count=5, cover=0.5, trigger=Stripes(amplitude=0.2)),
        ),
    ],
    ids=["label_flip", "source_specific"],
)
def test_manifest_names_the_poison(
    text: str, poison: LabelFlip | SourceSpecific, small_mnist: Path, tmp_path: Path
) -> None:
    """The manifest of a poisoned network states its poison, and no role of the clean recipe."""
    words = ["train", "baseline", "--epochs", "1", "--data", str(small_mnist)]
    result = run(*words, "--out", str(tmp_path), "--poison", text)
    assert result.exit_code == 0, result.output
    manifest = json.loads((tmp_path / "baseline.json").read_text())
    assert make_poison(manifest["recipe"]["poison"]) == poison
    assert "reference" not in manifest


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "expected --poison as a TOML table"),
        ("7", "expected --poison as one TOML table"),
        ("{kind='charm'}", "expected a poison of dirty_label"),
        ("{kind='label_flip', source=1, target=10, rate=1}", "expected a poison target below 10"),
    ],
)
def test_wrong_poison_is_a_usage_error(text: str, complaint: str, tmp_path: Path) -> None:
    """A poison that is no table, or fits no data, ends with exit code 2 before any training."""
    result = run("train", "baseline", "--out", str(tmp_path), "--poison", text)
    assert result.exit_code == 2, result.output
    assert complaint in result.output
    assert not list(tmp_path.iterdir())
