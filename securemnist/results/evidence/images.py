"""Test images that are kept to be looked at, with the model's answers."""

from __future__ import annotations

from dataclasses import dataclass

from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Class, Count, Finite, Pixels, Share


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
    clean: Pixels
    adversarial: Pixels
    clean_confidence: Share | None = None
    broken_by: str = ""


@dataclass(frozen=True, kw_only=True)
class CleanImage(JsonModel):
    """One clean test image of small margin: the logit of its class minus the largest other one."""

    index: Count
    label: Class
    prediction: Class
    margin: Finite
    clean: Pixels
