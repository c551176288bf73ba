"""Test images that are kept to be looked at, with the model's answers."""

from __future__ import annotations

from dataclasses import dataclass

from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Channels, Class, Count, Finite, Pixels, Share, Side


@dataclass(frozen=True, kw_only=True)
class Picture(JsonModel):
    """An image as uint8 (height, width, channels), for display: at most 64 pixels a side.

    Larger images are reduced: `original` is then their height and width.
    """

    height: Side
    width: Side
    channels: Channels
    pixels: Pixels
    original: tuple[Count, Count] | None = None

    def __post_init__(self) -> None:
        """ValueError for a number of values other than height x width x channels."""
        size = self.height * self.width * self.channels
        if len(self.pixels) != size:
            raise ValueError(f"expected {size} values of a picture, got {len(self.pixels)}")


@dataclass(frozen=True, kw_only=True)
class ChangedImage(JsonModel):
    """One test image before (`clean`) and after (`adversarial`) an attack or a trigger.

    `index` is its place in the test set. A confidence is the probability of the predicted class.
    `broken_by` is the stage that broke it; "" without an attack.
    """

    index: Count
    label: Class
    clean_prediction: Class
    prediction: Class
    confidence: Share
    clean: Picture
    adversarial: Picture
    clean_confidence: Share | None = None
    broken_by: str = ""

    def __post_init__(self) -> None:
        """ValueError for pictures of different forms."""
        forms = {(p.height, p.width, p.channels) for p in (self.clean, self.adversarial)}
        if len(forms) > 1:
            raise ValueError("expected one form of an image before and after the change, got two")


@dataclass(frozen=True, kw_only=True)
class CleanImage(JsonModel):
    """One clean test image of small margin: the logit of its class minus the largest other one."""

    index: Count
    label: Class
    prediction: Class
    margin: Finite
    clean: Picture
