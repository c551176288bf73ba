"""Images as a request holds them, and what a service reads of them.

Bytes and PNG hold 256 levels a value, so an image is rounded on its way. `decoded` reads what was
written, and not the image that it was written from.
"""

from __future__ import annotations

import base64
import io
from typing import Any, Literal, Self

import numpy as np
from PIL import Image
from pydantic import ConfigDict, Field, model_validator

from securemnist._util.strict import Strict

LEVELS = 255
# Pillow's modes by the number of channels.
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


class Pixels(Strict):
    """How one image stands in a request.

    `form`: a nested list, a flat list, or PNG in base64 behind `prefix`. `values`: whole numbers
    from 0 to 255, or floats, in which 0 is `low` and 1 is `high`. `layout`: the order of the axes.
    """

    model_config = ConfigDict(populate_by_name=True)

    form: Literal["list", "flat", "png"] = Field(alias="as")
    values: Literal["uint8", "float"] = "uint8"
    layout: Literal["CHW", "HWC", "HW"] = "CHW"
    low: float = Field(default=0.0, allow_inf_nan=False)
    high: float = Field(default=1.0, allow_inf_nan=False)
    prefix: str = ""
    joined: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.form == "png" and self.values != "uint8":
            raise ValueError('a PNG holds bytes: leave out `values`, or write "uint8"')
        if self.values == "uint8" and (self.low, self.high) != (0.0, 1.0):
            raise ValueError("`low` and `high` are for floats; bytes are from 0 to 255")
        if not self.low < self.high:
            raise ValueError("`low` has to be below `high`")
        if self.prefix and self.form != "png":
            raise ValueError('`prefix` stands before a PNG: write as = "png"')
        if self.joined and self.form != "flat":
            raise ValueError('one list of all images is flat: write as = "flat"')
        return self

    @property
    def levels(self) -> int | None:
        """Number of steps between black and white; None for floats."""
        return LEVELS if self.values == "uint8" else None

    def numbers(self, x: np.ndarray) -> np.ndarray:
        """What is sent of images float32 (n, C, H, W) in [0, 1]: uint8, or float32 from low to high."""
        inside = np.clip(x, 0, 1)
        if self.values == "uint8":
            sent: np.ndarray = np.rint(inside * LEVELS).astype(np.uint8)
        else:
            wide = self.low + (self.high - self.low) * inside.astype(np.float64)
            sent = wide.astype(np.float32)
        return sent

    def encoded(self, numbers: np.ndarray) -> list[Any]:
        """The JSON value of each image of `numbers` (n, C, H, W)."""
        if self.form == "png":
            return [self.prefix + base64.b64encode(_png(one)).decode() for one in numbers]
        ordered = numbers.transpose(0, 2, 3, 1) if self.layout == "HWC" else numbers
        if self.form == "flat":
            ordered = ordered.reshape(len(ordered), -1)
        elif self.layout == "HW":
            ordered = ordered[:, 0]
        values: list[Any] = ordered.tolist()
        return values

    def decoded(self, values: list[Any], shape: tuple[int, int, int]) -> np.ndarray:
        """Images float32 (n, C, H, W) in [0, 1], as a service reads the JSON values of `encoded`."""
        channels, height, width = shape
        if self.form == "png":
            coded = [value.removeprefix(self.prefix) for value in values]
            values = [_pixels_of(base64.b64decode(each, validate=True)) for each in coded]
        numbers = np.array(values)
        if self.form == "png" or self.layout == "HWC":
            numbers = numbers.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)
        else:
            numbers = numbers.reshape(-1, *shape)
        exact = numbers.astype(np.float64)
        if self.values == "uint8":
            return (exact / LEVELS).astype(np.float32)
        return ((exact - self.low) / (self.high - self.low)).astype(np.float32)


def _png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    plane = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    Image.fromarray(np.ascontiguousarray(plane), _MODES[len(image)]).save(file, "PNG")
    return file.getvalue()


def _pixels_of(content: bytes) -> np.ndarray:
    """The pixels uint8 (H, W) or (H, W, C) of a PNG that `_png` wrote."""
    with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
        return np.asarray(picture)
