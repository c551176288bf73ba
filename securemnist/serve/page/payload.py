"""What travels between page and service: uploads and bytes as images, images and answers as JSON."""

from __future__ import annotations

import base64
from typing import Any

import torch
from PIL import Image

from securemnist.data import picture
from securemnist.data.samples import as_bytes
from securemnist.errors import DataError
from securemnist.input_spec import InputSpec
from securemnist.models.probabilities import probabilities_of
from securemnist.serve.settings import Settings
from securemnist.types import Images, Logits

_MOST_PIXELS = 16_000_000
_GREY, _RGB = 1, 3


def pixels_of(content: bytes, spec: InputSpec) -> torch.Tensor:
    """The image uint8 (1, C, H, W) of these bytes, as `image` sent it; DataError for another number."""
    if len(content) != spec.size:
        raise DataError(
            f"expected {spec.size:,} bytes of one image, got {len(content):,}; send it whole"
        )
    # A copy, which torch may write to.
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).view(1, *spec.shape)


def image(images: Images) -> dict[str, Any]:
    """The first image (1, C, H, W), uint8 or float32 in [0, 1], as bytes."""
    pixels = as_bytes(images)[0] if images.is_floating_point() else images
    _, channels, height, width = pixels.shape
    content = base64.b64encode(pixels.contiguous().cpu().numpy().tobytes()).decode()
    return {"channels": channels, "height": height, "width": width, "pixels": content}


def prediction(logits: Logits, settings: Settings) -> dict[str, Any]:
    """The class of one image by its logits (1, K), and all probabilities where settings permit them."""
    label = int(logits[0].argmax())
    if settings.labels_only:
        return {"label": label, "probabilities": None}
    shares = probabilities_of(logits)[0]
    if settings.has("rounding"):
        shares = shares.round(decimals=settings.decimals)
    return {"label": label, "probabilities": shares.tolist()}


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
