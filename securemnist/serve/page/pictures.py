"""Pictures: an uploaded file as an image of the model's form, within caps."""

from __future__ import annotations

import torch
from PIL import Image

from securemnist.data import picture
from securemnist.errors import DataError
from securemnist.input_spec import InputSpec

_MOST_PIXELS = 16_000_000
_GREY, _RGB = 1, 3


def can_be_uploaded(spec: InputSpec) -> bool:
    """Whether a picture can become an image of this form: grey, or red, green and blue."""
    return spec.channels in (_GREY, _RGB)


def uploaded(content: bytes, spec: InputSpec) -> torch.Tensor:
    """The image uint8 (1, C, H, W) of a PNG, JPEG or BMP file, resized to the model's height and width.

    Colours become grey by luminance where the model has one channel; grey becomes three equal channels.
    DataError in one sentence for any other file, see `data/picture.py`.
    """
    if not can_be_uploaded(spec):
        raise DataError(
            f"expected a model of 1 or 3 channels, got {spec.channels}; use a test image"
        )
    size = spec.height, spec.width
    image = picture.decoded(content, "the picture", size, _MOST_PIXELS)
    if image.shape[1] == spec.channels:
        return image
    if spec.channels == _RGB:
        return image.expand(-1, _RGB, -1, -1).contiguous()
    colours = Image.fromarray(image[0].permute(1, 2, 0).contiguous().numpy())
    return picture.converted(colours.convert("L"), "the picture", None)
