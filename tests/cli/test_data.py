"""`securemnist data inspect` and `securemnist data record`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from securemnist.data import DataSet, recording
from securemnist.supply_chain import data_record
from tests.commands import run, shell
from tests.data.pictures import SIDE, npz, picture_folder, png, random_pixels


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
    digest = DataSet.load(folder).digest
    assert done.output.count(digest) == 1
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
    assert "280 other classes: 2 test images each" in done.output
    assert "Copies: none found" in done.output
    assert "Warning: without a tuning split `init` measures on the test images" in done.output
    assert len(done.output.splitlines()) < 50
    with Image.open(tmp_path / "grid.png") as grid:
        assert (grid.mode, grid.size) == ("L", (10 * 98, 20 * 5))


def test_inspect_warns_of_classes_without_images(tmp_path: Path) -> None:
    """A tuning split that lacks classes, as in a sorted training split, is warned of."""
    x, y = random_pixels(48, 9, 9), np.arange(48) // 24
    path = npz(tmp_path / "set.npz", x_test=x[::2], y_test=y[::2], x_train=x, y_train=y)
    done = run("data", "inspect", str(path))
    warned = "Warning: the tuning split has no image of 1 of 2 classes, for instance 0"
    assert f"{warned}; if your labels start at 1, subtract 1" in done.output


def test_inspect_warns_of_images_scaled_twice(tmp_path: Path) -> None:
    """Floats divided by 255 twice are warned of; bytes are not, however dark, nor floats in 0 to 1."""
    pixels, labels = random_pixels(20, 9, 9), np.arange(20) % 2
    forms = {
        "twice": pixels / np.float32(255**2),
        "once": pixels / np.float32(255),
        "bytes": pixels // 99,
    }
    done = {
        name: run(
            "data", "inspect", str(npz(tmp_path / f"{name}.npz", x_test=x, y_test=labels))
        ).output
        for name, x in forms.items()
    }
    warned = "Warning: no value of the test images is above 0.0039 of 0 to 1; if they were divided by 255"
    assert [name for name, output in done.items() if warned in output] == ["twice"]
    assert [name for name, output in done.items() if "of 0 to 1" in output] == ["twice"]


def test_inspect_says_how_grey_images_get_fewer_than_ten_classes(tmp_path: Path) -> None:
    """Two classes of 28x28 are taken as ten, like MNIST; the warning names the remedy, which works."""
    npz(tmp_path / "set.npz", x_test=random_pixels(40, 28, 28), y_test=np.arange(40) % 2)
    (tmp_path / "set.toml").write_text('path = "set.npz"\nclass_names = ["cat", "dog"]\n')
    done, named = (run("data", "inspect", str(tmp_path / f"set.{end}")) for end in ("npz", "toml"))
    assert "Warning: all labels are below 2, and grey 28x28 images have ten classes" in done.output
    assert "for fewer give `class_names` in a description" in done.output
    assert "1x28x28, 2 classes" in named.output
    assert "ten classes" not in named.output


@pytest.mark.parametrize("words", [("inspect", "absent"), ("inspect",), ("show",)])
def test_usage_errors(words: tuple[str, ...], tmp_path: Path) -> None:
    """Data that are none, and a missing path, are usage errors: exit code 2."""
    done = shell(tmp_path, "data", *words)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr


def corrupt_picture(folder: Path) -> Path:
    """Pictures, of which one has other bytes in its middle."""
    path = picture_folder(folder / "pets") / "test/cat/002.png"
    content = bytearray(path.read_bytes())
    content[60:90] = bytes(30)
    path.write_bytes(content)
    return folder / "pets"


def alpha(folder: Path) -> Path:
    """Pictures, of which one is transparent."""
    path = picture_folder(folder / "pets") / "test/cat/002.png"
    path.write_bytes(png(random_pixels(SIDE, SIDE, 4)))
    return folder / "pets"


def not_a_number(folder: Path) -> Path:
    """Float images, of which one pixel is NaN."""
    x = random_pixels(20, SIDE, SIDE) / np.float32(255)
    x[3, 2, 1] = np.nan
    return npz(folder / "set.npz", x_test=x, y_test=np.arange(20) % 2)


def wrong_labels(folder: Path) -> Path:
    """Labels below zero."""
    return npz(
        folder / "set.npz", x_test=random_pixels(20, SIDE, SIDE), y_test=np.arange(20) % 2 - 1
    )


@pytest.mark.parametrize("make", [corrupt_picture, alpha, not_a_number, wrong_labels])
def test_wrong_data_end_every_command(make: Callable[[Path], Path], cwd: Path) -> None:
    """Every command that takes data says the same sentence, with exit code 2, and measures nothing."""
    path = str(make(cwd))
    options = ("--model", "baseline", "--data", path)
    commands = (
        ("data", "inspect", path),
        ("init", *options),
        ("assess", *options),
        ("assess", "--list", *options),
        ("measure", "clean_accuracy", *options),
    )
    ended = [run(*command) for command in commands]
    assert {each.exit_code for each in ended} == {2}
    (text,) = {each.output for each in ended}
    assert text.startswith(f"securemnist: {path}")
    assert text.count("\n") == 1
    assert not Path("reports").exists()


def test_grid_that_cannot_be_written(tmp_path: Path) -> None:
    """A grid in a folder that is a file is a usage error."""
    path = npz(tmp_path / "set.npz", x_test=random_pixels(9, 9, 9), y_test=np.arange(9) % 2)
    done = shell(tmp_path, "data", "inspect", str(path), "--out", f"{path}/grid.png")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_record_is_written_and_holds(cwd: Path) -> None:
    """The record of a data set lies where a row looks for it, and says what the data hold."""
    folder = picture_folder(cwd / "pets", test=4, train=13)
    done = run("data", "record", str(folder))
    assert done.exit_code == 0, done.output
    assert "security_tests/data-record.json: pets recorded" in done.output
    assert "  test: 8 images, 0 repeated; " in done.output
    recorded = data_record.load(cwd / "security_tests" / data_record.NAME)
    assert recorded == recording.record(DataSet.load(folder))
    (cwd / "pyproject.toml").write_text(f"[tool.securemnist]\ndata = '{folder}'\n")
    assert run("data", "record", "--out", "again.json").exit_code == 0
    assert data_record.load(cwd / "again.json") == recorded
    done = run("data", "record", "--out", "pyproject.toml/record.json")
    assert done.exit_code == 2
    assert "cannot be written" in done.output


def test_a_long_class_name_is_refused_with_its_length(tmp_path: Path) -> None:
    """The refusal says how long the name is, and quotes its begin."""
    folder = picture_folder(tmp_path / "pets")
    (folder / "test/cat").rename(folder / "test" / (101 * "c"))
    done = shell(tmp_path, "data", "inspect", "pets")
    assert done.returncode == 2
    start = f"{40 * 'c'!r}..."
    assert f"of 1 to 100 printable characters, got 101 in {start}; rename the class" in done.stderr
