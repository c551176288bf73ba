"""`securemnist init --calibrate`: the file that it writes, and what it refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from securemnist import initial_policy
from securemnist.calibration import measured as calibrated
from securemnist.cli import calibration_options
from securemnist.evaluation.calibration import FILE, Calibration
from securemnist.initial_policy import measured, templates
from tests.commands import run
from tests.comparison.test_commands import TOY
from tests.tasks import small_digits

# Nearest class mean: of all training images, of those at even places and of those at odd ones.
NETS = """
from pathlib import Path

import numpy as np
import torch
from torch import nn


def means(start, step):
    data = np.load(Path(__file__).with_name("digits.npz"))
    x, y = data["x_train"][start::step].reshape(-1, 64) / 255, data["y_train"][start::step]
    centers = torch.tensor(np.stack([x[y == k].mean(0) for k in range(10)])).float()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    model[1].weight.data = 20 * centers
    model[1].bias.data = -10 * centers.square().sum(1)
    return model


def every():
    return means(0, 1)


def even():
    return means(0, 2)


def odd():
    return means(1, 2)
"""
WITH = ("--calibrate-with", "nets:even", "nets:odd")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with digits of 8x8 and three honest networks; `init` proposes one row."""
    np.savez(tmp_path / "digits.npz", **small_digits())
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "nets", raising=False)
    monkeypatch.setattr(measured, "PROPOSALS", initial_policy.PROPOSALS[:1])
    return tmp_path


def test_calibration_beside_a_policy(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file names networks and limits; a policy that exists is no reason to refuse another one."""
    monkeypatch.setattr(calibrated, "_LADDER", {"use": "PGD", "steps": 10})
    monkeypatch.setattr(calibrated, "FACTORS", (1.0,))
    words = ("init", "--model", "nets:every", "--data", "digits.npz", *WITH)
    done = run(*words)
    assert done.exit_code == 0, done.output
    assert "gradients: limits of MNIST times 1" in done.output
    stored = json.loads((project / FILE).read_text())
    assert [entry["name"] for entry in stored["references"]] == ["nets:even", "nets:odd"]
    assert set(stored["factors"].values()) <= {1.0, 1.5, 2.0}
    assert (project / templates.POLICY).is_file()
    again = run(*words)
    assert again.exit_code == 2
    assert f"{FILE}: expected no calibration yet, got one" in again.output


def test_doubts_without_time_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Doubts that the time did not suffice for are named, with the way to calibrate them."""
    found = Calibration(data={}, references=(), factors={"variation": 1.0}, untried=("gradients",))
    calibration_options._say_result(found)
    said = capsys.readouterr().out
    assert "variation: limits of MNIST times 1\n" in said
    assert "gradients: uncalibrated: the time was over" in said
    assert f"{FILE} has what was measured; for the rest, remove it and raise" in said


def test_model_does_not_excuse_itself(project: Path) -> None:
    """The model under assessment is no honest network of its own calibration."""
    words = ("init", "--model", "nets:every", "--data", "digits.npz")
    done = run(*words, "--calibrate-with", "nets:even", "nets:every")
    assert done.exit_code == 2
    assert "expected honest networks other than the model" in done.output
    assert not (project / FILE).exists()


def test_data_without_training_images(project: Path) -> None:
    """Without training images nothing can be trained: one sentence names the way out."""
    arrays = small_digits()
    np.savez(project / "test.npz", x_test=arrays["x_test"], y_test=arrays["y_test"])
    done = run("init", "--model", "nets:every", "--data", "test.npz", "--calibrate")
    assert done.exit_code == 2
    assert "expected training images" in done.output
    assert "--calibrate-with SPEC SPEC" in done.output


def test_mnist_is_not_calibrated(project: Path) -> None:
    """The limits were chosen on MNIST: there --calibrate has nothing to do."""
    (project / "reader.py").write_text(TOY)
    done = run("init", "--model", "reader:good", "--calibrate")
    assert done.exit_code == 2
    assert "expected data other than MNIST" in done.output
