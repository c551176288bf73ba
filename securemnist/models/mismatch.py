"""Why a network does not fit the model contract, and the wrapper that makes it fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from securemnist.input_spec import InputSpec
from securemnist.models.probabilities import are_probabilities
from securemnist.types import Images

_WRAP = "wrap the model with securemnist.models."
# Wrappers for a model of other pixels.
_SCALES = "normalized, signed or bytes_scaled"
# Sides, in pixels, and channels of images that networks are commonly built for.
_SIDES = (28, 32, 64, 96, 224)
_CHANNELS = (1, 3)


# Where the number of classes is stated.
_NUMBER = (
    "`class_names` names them (docs/data.md), in Python `DataSet.from_tensors(..., classes=K)`"
)


def input_advice(model: nn.Module, x: Images, spec: InputSpec) -> str:
    """The advice for a model that raised on one image `x` (1, C, H, W): other inputs are tried."""
    if accepts(model, x.permute(0, 2, 3, 1).contiguous()):
        return f"it takes images (n, H, W, C): {_WRAP}nhwc(net)"
    if accepts(model, x.half()):
        return f"it takes float16 images: {_WRAP}half_precision(net)"
    if any(accepts(model, x.to(other)) for other in (torch.float64, torch.bfloat16)):
        return "it takes images of another type: return net.float() from the factory"
    if accepts(model, torch.zeros_like(x)):
        return f"it takes black images of this shape: fix the model, or {_WRAP}{_SCALES}"
    known = next((m.in_channels for m in model.modules() if isinstance(m, nn.Conv2d)), None)
    sides = ((spec.height, spec.width), *((side, side) for side in _SIDES))
    for channels in (known,) if known else dict.fromkeys((spec.channels, *_CHANNELS)):
        for height, width in sides:
            if accepts(model, x.new_zeros(1, channels, height, width)):
                fits = f"{channels}x{height}x{width}"
                if spec.channels not in (1, channels):
                    return f"it takes images {fits}: use data of that shape"
                return (
                    f"it takes images {fits}: name data of that shape (`--data`), or "
                    f"{_WRAP}resized(net, {channels}, {height}, {width})"
                )
    return f"fix the model, or {_WRAP}normalized, nhwc or resized"


def output_advice(outputs: Any, spec: InputSpec) -> str:
    """The advice for outputs that are no tensor (n, K): the wrapper that takes them."""
    if not isinstance(outputs, torch.Tensor | Mapping | tuple | list):
        # Attributes of an object, as a dataclass has them; an array has none.
        outputs = getattr(outputs, "__dict__", None) or outputs
    if isinstance(outputs, Mapping | tuple | list):
        entries = dict(outputs if isinstance(outputs, Mapping) else enumerate(outputs))
        # The first tensor of the right shape, or else the first entry.
        tensors = {k: v for k, v in entries.items() if isinstance(v, torch.Tensor)}
        fitting = [k for k, v in tensors.items() if v.shape[1:] == (spec.classes,)]
        keys = fitting or [*entries]
        return f"{_WRAP}output(net, {keys[0]!r:.40})" if keys else "fix the model"
    if not isinstance(outputs, torch.Tensor):
        return f"return a tensor of torch, or {_WRAP}output(net, NAME)"
    return _shape_advice(outputs, spec)


def _shape_advice(outputs: torch.Tensor, spec: InputSpec) -> str:
    """The advice for outputs of another shape than (n, K), of one image."""
    if outputs.dim() == 1 and not outputs.is_floating_point():
        return "it returns the numbers of classes: return the logits, before `argmax`"
    if outputs.dim() == 1 and len(outputs) == spec.classes:
        return "it drops the dimension of the images: return (n, K), also for one image"
    if outputs.dim() > 2 and outputs[0].numel() == spec.classes:
        return "they have more dimensions than (n, K): return logits.flatten(1)"
    one = outputs.dim() == 1
    width = 1 if one else outputs.shape[1] if outputs.dim() == 2 else None
    if width == 1 and spec.classes == 2:
        return f"{'fix the model, or for one output ' if one else ''}{_WRAP}binary_sigmoid(net)"
    if width == 1:
        return (
            "one output is for two classes: use data of two, or name both with `class_names` "
            f"(docs/data.md), and {_WRAP}binary_sigmoid(net)"
        )
    if width is not None and width > spec.classes:
        if are_probabilities(outputs):
            return f"{_WRAP}from_probabilities(select_classes(net, classes=[...]))"
        return (
            f"{_WRAP}select_classes(net, classes=[...]), with the output of each class; data that lack "
            f"their last classes need the number of all: {_NUMBER}"
        )
    # Labels from 1, as EMNIST's letters have, make one class more, without an image.
    from_one = "labels start at 0: if yours start at 1, subtract 1; otherwise "
    advice = from_one if width == spec.classes - 1 else ""
    return f"{advice}fix the model, or use data of as many classes; {_NUMBER}"


def accepts(model: nn.Module, x: torch.Tensor) -> bool:
    """Whether the model runs on these images without an error."""
    try:
        with torch.no_grad():
            model(x)
    except Exception:  # any error of the model's code means that it does not
        return False
    return True
