"""`securemnist filter`: poisoned images are found, listed and left out."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from securemnist.backdoor import Corner, DirtyLabel, filter_folder
from securemnist.backdoor.data_filter import filter_data
from securemnist.data import DataSet, Samples
from securemnist.train.recipes import RECIPES, Recipe
from tests.browser import assert_fits
from tests.commands import run

TRAIN, TEST = 2_000, 300


def write(path: Path, train: Samples, test: Samples) -> Path:
    """An .npz file with these splits."""
    np.savez(
        path,
        x_train=train.pixels[:, 0].numpy(),
        y_train=train.labels.numpy(),
        x_test=test.pixels[:, 0].numpy(),
        y_test=test.labels.numpy(),
    )
    return path


def test_poisoned_images_are_left_out(mnist: DataSet, tmp_path: Path) -> None:
    """Exit code 1; the cleaned file is read by --data and lacks the poisoned images that are listed."""
    poison = DirtyLabel(trigger=Corner(), target=7, rate=0.04)
    clean = mnist.train[:TRAIN]
    train = poison(clean, seed=1)
    path, out = write(tmp_path / "set.npz", train, mnist.test[:TEST]), tmp_path / "out"
    done = run("filter", str(path), "--out", str(out))
    assert done.exit_code == 1, done.output
    written = json.loads((out / "filter.json").read_text())
    removed = written["removed"]
    assert written["data_sha256"] == DataSet.load(path).digests
    assert (
        written["cleaned_sha256"] == hashlib.sha256((out / "cleaned.npz").read_bytes()).hexdigest()
    )
    assert f"{removed} of 2,000 training images look poisoned" in done.output
    rows = list(csv.DictReader((out / "scores.csv").read_text().splitlines()))
    assert len(rows) == TRAIN
    listed = [int(row["image"]) for row in rows if row["removed"] == "1"]
    assert len(listed) == removed
    planted = set(poison.chosen(clean.labels, seed=1).tolist())
    planted -= set((clean.labels == 7).nonzero().squeeze(1).tolist())
    assert len(planted & set(listed)) >= 0.95 * len(planted)
    page = (out / "suspicious.html").read_text()
    assert page.count("<img") == 100
    read = DataSet.load(out / "cleaned.npz")
    assert len(read.train) + len(read.tuning) == TRAIN - removed
    assert torch.equal(read.test.pixels, mnist.test.pixels[:TEST])


def test_no_file_is_overwritten(mnist: DataSet, tmp_path: Path) -> None:
    """A folder that holds the data, or a file of an earlier run, is refused and left as it is."""
    path = write(tmp_path / "cleaned.npz", mnist.train[:600], mnist.test[:TEST])
    before = path.read_bytes()
    done = run("filter", str(path), "--out", str(tmp_path))
    assert done.exit_code == 2
    assert "expected a folder without cleaned.npz" in done.output
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["cleaned.npz"]


def test_a_class_with_few_images_is_undecided(mnist: DataSet, tmp_path: Path) -> None:
    """Exit code 3 and one sentence; nothing is written."""
    path = write(tmp_path / "set.npz", mnist.train[:300], mnist.test[:TEST])
    done = run("filter", str(path), "--out", str(tmp_path / "out"))
    assert done.exit_code == 3
    assert "expected at least 50 training images" in done.output
    assert not (tmp_path / "out").exists()


def test_a_model_without_layers_is_undecided(mnist: DataSet, cwd: Path) -> None:
    """Exit code 3 where --model has no layers and the pixels show nothing, as in a row."""
    text = "import torch\nclass Net(torch.nn.Module):\n    def forward(self, x):\n"
    (cwd / "flat_net.py").write_text(text + "        return x.flatten(1)[:, 300:310]\n")
    path = write(cwd / "set.npz", mnist.train[:1_000], mnist.test[:TEST])
    done = run("filter", str(path), "--out", "out", "--model", "flat_net:Net")
    assert done.exit_code == 3, done.output
    assert "expected a model with convolution or linear layers" in done.output
    assert "Looked at: pixels." in done.output


def test_data_without_training_images_are_undecided(mnist: DataSet, tmp_path: Path) -> None:
    """Exit code 3 and a sentence that says what is missing."""
    test = mnist.test[:TEST]
    np.savez(tmp_path / "set.npz", x_test=test.pixels[:, 0].numpy(), y_test=test.labels.numpy())
    done = run("filter", str(tmp_path / "set.npz"), "--out", str(tmp_path / "out"))
    assert done.exit_code == 3
    assert "expected training images, got none" in done.output


def test_planted_images_are_counted_and_a_perfect_filter_is_beside(
    mnist: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After --poison all planted images are named, and our filter's network is the perfect filter's."""
    monkeypatch.setitem(RECIPES, "baseline", Recipe(architecture="D", epochs=1))
    path, out = write(tmp_path / "set.npz", mnist.train[:900], mnist.test[:100]), tmp_path / "out"
    poison = '{kind = "all_to_all", trigger = {kind = "corner"}, rate = 0.05}'
    more = ("--recipe", "baseline", "--retrain", "--poison", poison)
    done = run("filter", str(path), "--out", str(out), *more)
    assert done.exit_code == 1, done.output
    assert "45 of 45 planted images are among them" in done.output
    arms = {
        arm.pop("name"): arm for arm in json.loads((out / "filter.json").read_text())["retrained"]
    }
    assert arms["the filter"] == arms["a perfect filter"]
    assert arms["a random filter"]["images"] == arms["the filter"]["images"] == 900 - 45
    assert arms["no filter"]["images"] == 900


def test_a_given_trigger_is_measured(
    mnist: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without known poison there is no perfect filter, and --trigger with --target gives the rates."""
    monkeypatch.setitem(RECIPES, "baseline", Recipe(architecture="D", epochs=1))
    path, out = write(tmp_path / "set.npz", mnist.train[:700], mnist.test[:TEST]), tmp_path / "out"
    attack = ("--trigger", "{kind = 'corner'}", "--target", "3")
    done = run("filter", str(path), "--out", str(out), "--recipe", "baseline", "--retrain", *attack)
    assert done.exit_code == 0, done.output
    arms = json.loads((out / "filter.json").read_text())["retrained"]
    assert [arm["name"] for arm in arms] == ["no filter", "the filter", "a random filter"]
    assert done.output.count("attack success rate") == 3


def test_the_page_fits_and_is_accessible(browser: Any, mnist: DataSet, tmp_path: Path) -> None:
    """No sideways scrolling, no message, no request; axe finds nothing."""
    samples = mnist.train[:700]
    data = dataclasses.replace(mnist, train=samples, tuning=samples[:0])
    filter_folder.write(tmp_path, data, samples, filter_data(samples))
    assert_fits(browser, tmp_path / filter_folder.PAGE, [(360, "light"), (1024, "light")])


def test_wrong_options_are_refused(mnist: DataSet, tmp_path: Path) -> None:
    """Exit code 2 for two networks, for an unknown recipe and for data that do not exist."""
    path = write(tmp_path / "set.npz", mnist.train[:300], mnist.test[:TEST])
    out = str(tmp_path / "out")
    both = run("filter", str(path), "--out", out, "--model", "baseline", "--recipe", "baseline")
    assert (both.exit_code, "got both" in both.output) == (2, True)
    unknown = run("filter", str(path), "--out", out, "--recipe", "zebra")
    assert (unknown.exit_code, "got 'zebra'" in unknown.output) == (2, True)
    assert run("filter", str(tmp_path / "none.npz"), "--out", out).exit_code == 2
    alone = run("filter", str(path), "--out", out, "--retrain")
    assert (alone.exit_code, "expected --recipe with --retrain" in alone.output) == (2, True)
    half = run("filter", str(path), "--out", out, "--trigger", "{kind = 'corner'}")
    assert (half.exit_code, "--trigger and --target" in half.output) == (2, True)
    file = run("filter", str(path), "--out", str(path))
    assert (file.exit_code, "expected a folder, got a file" in file.output) == (2, True)
