"""`securemnist data inspect`."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commands import run, shell
from tests.data.pictures import SIDE, npz, picture_folder, random_pixels


def test_inspect_pictures(tmp_path: Path) -> None:
    """Spec, images a class, copies, digests and the line for pyproject are printed; exit code 0."""
    folder = picture_folder(tmp_path / "pets", test=4, train=13)
    (folder / "train/cat/new.png").write_bytes((folder / "test/cat/000.png").read_bytes())
    (folder / "test/dog/007.png").unlink()
    done = run("data", "inspect", str(folder), "--out", str(tmp_path / "grid.png"))
    assert done.exit_code == 0
    assert f"pets: 3x{SIDE}x{SIDE}, 2 classes" in done.output
    assert "  test: 7 images (bytes)" in done.output
    assert "  cat: 4, 1, 13\n  dog: 3, 1, 12\n" in done.output
    assert "Copies: 1 copies of training images among 7 test images" in done.output
    settings = tomllib.loads(done.output[done.output.index("[tool.securemnist]") :])
    assert settings == {"tool": {"securemnist": {"data": str(folder)}}}
    grid = np.array(Image.open(tmp_path / "grid.png"))
    assert grid.shape == (2 * (SIDE + 2), 10 * (SIDE + 2), 3)
    # A row for each class, its first image at the left.
    dog = random_pixels(SIDE, SIDE, 3, seed=1)
    assert np.array_equal(grid[SIDE + 2 : -2, :SIDE], dog)
    assert (grid[SIDE + 2 :, 3 * (SIDE + 2) :] == 255).all()


def test_inspect_many_classes(tmp_path: Path) -> None:
    """Of many classes the smallest are listed and the rest is summed up; large images are reduced."""
    y = np.r_[np.arange(300), np.arange(295)]
    x = random_pixels(595, 8, 200)
    path = npz(tmp_path / "set.npz", x_test=x, y_test=y)
    done = run("data", "inspect", str(path), "--out", str(tmp_path / "grid.png"))
    assert done.exit_code == 0
    assert (
        "Images of the 20 smallest classes (test, tuning, training):\n  295: 1, 0, 0" in done.output
    )
    assert "280 other classes: 2 to 2 test images each" in done.output
    assert "Copies: none found" in done.output
    assert "Warning: without a tuning split" in done.output
    assert len(done.output.splitlines()) < 50
    with Image.open(tmp_path / "grid.png") as grid:
        assert (grid.mode, grid.size) == ("L", (10 * 98, 20 * 5))


def test_inspect_warns_of_classes_without_images(tmp_path: Path) -> None:
    """A tuning split that lacks classes, as in a sorted training split, is warned of."""
    x, y = random_pixels(48, 9, 9), np.arange(48) // 24
    path = npz(tmp_path / "set.npz", x_test=x[::2], y_test=y[::2], x_train=x, y_train=y)
    done = run("data", "inspect", str(path))
    assert "Warning: the tuning split has no image of 1 of 2 classes, for instance 0" in done.output


@pytest.mark.parametrize("words", [("inspect", "absent"), ("inspect",), ("show",)])
def test_usage_errors(words: tuple[str, ...], tmp_path: Path) -> None:
    """Data that are none, and a missing path, are usage errors: exit code 2."""
    done = shell(tmp_path, "data", *words)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_grid_that_cannot_be_written(tmp_path: Path) -> None:
    """A grid in a folder that is a file is a usage error."""
    path = npz(tmp_path / "set.npz", x_test=random_pixels(9, 9, 9), y_test=np.arange(9) % 2)
    done = shell(tmp_path, "data", "inspect", str(path), "--out", f"{path}/grid.png")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
