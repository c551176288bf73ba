"""Preparation of a drawing, as MNIST was prepared."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from securemnist.data import DataSet
from securemnist.errors import DataError
from securemnist.input_spec import MNIST, InputSpec
from securemnist.models.loading import Subject
from securemnist.serve.page import drawing

SIDE = 140


def rectangle(top: int, left: int, height: int, width: int) -> np.ndarray:
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    canvas[top : top + height, left : left + width] = 255
    return canvas


@pytest.mark.parametrize(
    ("shape", "inside"),
    [((100, 50), (20, 10)), ((40, 80), (10, 20)), ((10, 10), (20, 20)), ((139, 1), (20, 1))],
)
def test_drawing_fits_the_box(shape: tuple[int, int], inside: tuple[int, int]) -> None:
    """A drawing of any size fills a box of 20x20 along its longer side, with its aspect kept."""
    image = drawing.prepared(rectangle(1, 3, *shape))[0, 0]
    rows, columns = (image > 0).any(1), (image > 0).any(0)
    assert (int(rows.sum()), int(columns.sum())) == inside


@pytest.mark.parametrize("corner", [(0, 0), (0, 39), (39, 39)])
def test_place_of_a_drawing_does_not_matter(corner: tuple[int, int]) -> None:
    """A drawing has the same image wherever it is on the canvas."""
    inside = np.random.default_rng(0).integers(1, 256, (101, 101))
    moved, middle = np.zeros((2, SIDE, SIDE), np.uint8)
    moved[corner[0] : corner[0] + 101, corner[1] : corner[1] + 101] = inside
    middle[20:121, 20:121] = inside
    assert torch.equal(drawing.prepared(moved), drawing.prepared(middle))


def test_centre_of_mass_in_the_middle() -> None:
    """The centre of mass is at row and column 14, to half a pixel, not the centre of the box."""
    canvas = rectangle(10, 10, 100, 10)
    canvas[10:40, 10:60] = 255
    image = drawing.prepared(canvas)[0, 0].double()
    places = torch.arange(28.0, dtype=torch.float64)
    for axis in (0, 1):
        mean = float((image.sum(1 - axis) * places).sum() / image.sum())
        assert abs(mean - 14) <= 0.5


def test_mnist_was_prepared_so(mnist: DataSet) -> None:
    """All of 5,000 MNIST images have their centre of mass there, and more than 99.5 % fill the box."""
    images = mnist.tuning.pixels[:, 0].double()
    places = torch.arange(28.0, dtype=torch.float64)
    for axis in (1, 2):
        means = (images.sum(3 - axis) * places).sum(1) / images.sum((1, 2))
        assert float((means - 14).abs().max()) <= 0.5
    sides = torch.stack([(images.sum(axis) > 0).sum(1) for axis in (1, 2)]).amax(0)
    assert float((sides == 20).double().mean()) > 0.995


def test_strokes_are_anti_aliased() -> None:
    """A slanted stroke of full brightness has grey pixels along its edges."""
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    for k in range(100):
        canvas[20 + k, 20 + k // 2 : 32 + k // 2] = 255
    image = drawing.prepared(canvas)
    assert int(((image > 30) & (image < 225)).sum()) > 20


def test_enlarged_digits_keep_their_class(mnist: DataSet, baseline: Subject) -> None:
    """Test digits, enlarged and moved on a canvas, come back as images that are classified as before."""
    samples, rng, images = mnist.test[:300], np.random.default_rng(0), []
    for pixels in samples.pixels[:, 0].numpy():
        large = np.asarray(Image.fromarray(pixels).resize((112, 112), Image.Resampling.BICUBIC))
        canvas = np.zeros((SIDE, SIDE), np.uint8)
        top, left = rng.integers(0, 28, 2)
        canvas[top : top + 112, left : left + 112] = np.where(large > 100, 255, 0)
        images.append(drawing.prepared(canvas))
    predicted = baseline.model(torch.cat(images).float() / 255).argmax(1)
    assert float((predicted == samples.labels).float().mean()) > 0.98


def test_other_sides() -> None:
    """Box and middle grow with the side of the model's images."""
    image = drawing.prepared(rectangle(0, 0, 70, 70), 56)
    assert image.shape == (1, 1, 56, 56)
    assert int((image > 0).sum()) == 40 * 40


@pytest.mark.parametrize("content", [b"", b"\0" * 785, b"\0" * 27**2, b"\0" * 561**2])
def test_other_grids_are_refused(content: bytes) -> None:
    """Bytes of no square grid, or of one too small or too large, are refused in one sentence."""
    with pytest.raises(DataError, match="expected a square drawing"):
        drawing.grid(content)


def test_an_empty_canvas_is_refused() -> None:
    """A canvas without a bright point is no drawing."""
    with pytest.raises(DataError, match="expected a drawing"):
        drawing.prepared(np.zeros((28, 28), np.uint8))


@pytest.mark.parametrize(
    ("spec", "can"),
    [
        (MNIST, True),
        (InputSpec(3, 28, 28, 10), False),
        (InputSpec(1, 28, 32, 10), False),
        (InputSpec(1, 128, 128, 10), False),
    ],
)
def test_what_can_be_drawn(spec: InputSpec, *, can: bool) -> None:
    """Small square grey images can be drawn, others not."""
    assert drawing.can_be_drawn(spec) is can
