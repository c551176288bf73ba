"""Images in requests: what is written is read again, rounded to the levels of its form."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from securemnist.endpoint.pixels import Pixels
from securemnist.endpoint.template import Template

SHAPES = ((1, 12, 9), (3, 8, 10), (4, 8, 8), (2, 8, 8))
FORMS: dict[str, dict[str, Any]] = {
    "list": {"as": "list"},
    "list last": {"as": "list", "layout": "HWC"},
    "flat": {"as": "flat"},
    "flat last": {"as": "flat", "layout": "HWC"},
    "png": {"as": "png", "prefix": "data:image/png;base64,"},
    "floats": {"as": "list", "values": "float"},
    "wide floats": {"as": "flat", "values": "float", "low": -1.0, "high": 1.0, "layout": "HWC"},
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_written_images_are_read_again(form: str, shape: tuple[int, int, int]) -> None:
    """Floats are kept up to float32, bytes to the nearest of 256 levels, axes in their order."""
    pixels = Pixels.model_validate(FORMS[form])
    x = np.random.default_rng(0).random((3, *shape), np.float32)
    values = json.loads(json.dumps(pixels.encoded(pixels.numbers(x))))
    read = pixels.decoded(values, shape)
    assert read.dtype == np.float32
    assert read.shape == x.shape
    expected = x if pixels.levels is None else np.rint(x * 255) / 255
    np.testing.assert_allclose(read, expected, atol=2e-7)
    assert (np.abs(read - x).max() > 1e-4) == (pixels.levels is not None)


def test_grey_images_without_a_channel_axis() -> None:
    """The layout HW is a list of rows of numbers."""
    pixels = Pixels.model_validate({"as": "list", "layout": "HW"})
    x = np.random.default_rng(0).random((2, 1, 8, 9), np.float32)
    values = pixels.encoded(pixels.numbers(x))
    assert np.array(values).shape == (2, 8, 9)
    np.testing.assert_allclose(pixels.decoded(values, (1, 8, 9)), np.rint(x * 255) / 255, atol=1e-7)


def test_template_is_filled() -> None:
    """Images, their shape and number replace the nodes, and nothing else is changed."""
    text = """{"inputs": [{"name": "x", "shape": {"$shape": "NCHW"}, "flat": {"$shape": "NF"},
      "data": {"$images": {"as": "flat", "joined": true}}}], "n": {"$count": true}, "a": [null, 1.5]}"""
    template = Template.parse(text)
    numbers = np.arange(2 * 64, dtype=np.uint8).reshape(2, 1, 8, 8)
    filled = json.loads(template.body(numbers))
    tensor = {"name": "x", "shape": [2, 1, 8, 8], "flat": [2, 64], "data": list(range(128))}
    assert filled == {"inputs": [tensor], "n": 2, "a": [None, 1.5]}
