"""IDX files of other shapes than MNIST's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from securemnist import data
from securemnist.data.idx_files import dumps
from securemnist.errors import DataError
from tests.data.pictures import random_pixels
from tests.error_form import one_sentence

N = 24


def write(folder: Path, pixels: np.ndarray[Any, Any], labels: Any) -> Path:
    """An IDX folder whose two splits are these images in opposite order."""
    for (images, classes), step in zip(data.FILES.values(), (1, -1), strict=True):
        (folder / images).write_bytes(dumps(pixels[::step]))
        (folder / classes).write_bytes(dumps(np.asarray(labels)[::step]))
    return folder


@pytest.mark.parametrize(
    ("shape", "spec"),
    [
        ((9, 14), (1, 9, 14)),
        ((9, 14, 3), (3, 9, 14)),
        ((3, 9, 14), (3, 9, 14)),
        ((9, 8, 4), (4, 9, 8)),
    ],
    ids=["grey", "HWC", "CHW", "four channels"],
)
def test_shapes(shape: Any, spec: Any, tmp_path: Path) -> None:
    """Grey and colour images of any size are read as (n, C, H, W), with the classes of both splits."""
    pixels = random_pixels(N, *shape)
    found = data.load(write(tmp_path, pixels, np.arange(N) % 7))
    assert found.spec.shape == spec
    assert found.spec.classes == 7
    last = found.test.pixels[0]
    wanted = torch.from_numpy(pixels[-1])
    wanted = wanted[None] if wanted.ndim == 2 else wanted
    assert torch.equal(last, wanted if tuple(wanted.shape) == spec else wanted.permute(2, 0, 1))
    assert found.copies.of_training == N


@pytest.mark.parametrize(("highest", "classes"), [(3, 10), (9, 10), (46, 47), (255, 256)])
def test_classes_of_28x28(highest: int, classes: int, tmp_path: Path) -> None:
    """Folders like MNIST keep ten classes; a label above 9 adds classes."""
    labels = [*range(3)] * 7 + [highest, 0, 1]
    assert data.load(write(tmp_path, random_pixels(N, 28, 28), labels)).spec.classes == classes


def test_sides_beyond_the_limits_refused(tmp_path: Path) -> None:
    """Images that are too small or too large are one DataError with the folder."""
    for side in (7, 513):
        write(tmp_path, random_pixels(N, side, 9), np.arange(N) % 2)
        with pytest.raises(DataError, match="expected 8 to 512 pixels a side") as caught:
            data.load(tmp_path)
        assert one_sentence(caught.value).startswith(str(tmp_path))


def test_layout_in_a_description(tmp_path: Path) -> None:
    """A description names layout and classes; a layout that does not fit is refused."""
    (tmp_path / "set").mkdir()
    write(tmp_path / "set", random_pixels(N, 9, 14, 3), np.arange(N) % 2)
    description = tmp_path / "mine.toml"
    description.write_text('path = "set"\nlayout = "hwc"\nclass_names = ["a", "b"]')
    found = data.load(description)
    assert found.spec.class_names == ("a", "b")
    description.write_text('path = "set"\nlayout = "chw"')
    with pytest.raises(DataError, match="layout 'chw'"):
        data.load(description)
