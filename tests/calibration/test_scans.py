"""Scans of networks for a user's own data, by `securemnist calibrate`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from securemnist import data as data_sets
from securemnist.backdoor.scan import references, searches
from securemnist.cli import main
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from tests.tasks import small_digits


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """An archive of scanned digits of 8x8."""
    path = tmp_path / "digits.npz"
    np.savez(path, **small_digits())
    return path


def test_calibrated_data_have_scans_and_controls(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command writes ten scans and three networks, and a row reads them for these data."""
    monkeypatch.setattr(searches, "STEPS", 4)
    for name, small in (("_BATCHES", 30), ("_EPOCHS", 1)):
        monkeypatch.setattr(f"securemnist.calibration.references.{name}", small)
    out = tmp_path / "scans"
    words = ["calibrate", str(digits), "--out", str(out), "--minutes", "0.5"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert len(references.read(out).networks) == 10
    weights = sorted(out.glob("*.safetensors"))
    assert len(weights) == references.CONTROLS
    data = data_sets.load(digits)
    subject = loading.resolve(str(weights[0]), input_spec=data.spec)
    settings = bind("backdoor_scan", {"references": str(out)})
    found = take_measurement(Context(subject, data), "backdoor_scan", settings, 0)
    # The network itself is not among those that it is compared with.
    compared = (
        found.evidence.trigger if hasattr(found.evidence, "trigger") else found.evidence.table
    )
    assert compared["clean networks compared"] == 9
    again = CliRunner().invoke(main, words)
    assert (again.exit_code, "expected no file or folder" in again.output) == (2, True)


def test_too_little_time_writes_nothing(digits: Path, tmp_path: Path) -> None:
    """Where the time is too short nothing is written, so the same folder can be named again."""
    words = ["calibrate", str(digits), "--out", str(tmp_path / "x"), "--minutes", "1e-6"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "--minutes" in result.output
    assert not (tmp_path / "x").exists()


def test_data_without_training_images_are_refused(digits: Path, tmp_path: Path) -> None:
    """Without a training split there is nothing to train references on."""
    arrays = {key: value for key, value in small_digits().items() if "train" not in key}
    np.savez(digits, **arrays)
    result = CliRunner().invoke(main, ["calibrate", str(digits), "--out", str(tmp_path / "x")])
    assert result.exit_code == 2
    assert "training" in result.output
    assert not (tmp_path / "x").exists()


def test_networks_that_learned_nothing_are_no_references(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels without a relation to the images train no references, and nothing is written."""
    monkeypatch.setattr("securemnist.calibration.references._BATCHES", 3)
    monkeypatch.setattr("securemnist.calibration.references._EPOCHS", 1)
    arrays = small_digits()
    np.random.default_rng(0).shuffle(arrays["y_train"])
    np.savez(digits, **arrays)
    result = CliRunner().invoke(main, ["calibrate", str(digits), "--out", str(tmp_path / "x")])
    assert result.exit_code == 2
    assert "clearly better than guessing, got plain-0 of accuracy" in result.output
    assert not (tmp_path / "x").exists()
