"""The input tensor of a request: shape, type and range are strict."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from securemnist.input_spec import InputSpec
from securemnist.serve.refusal import Refusal
from securemnist.types import Images

INPUT = "images"
DATATYPES = ("FP32", "UINT8")
_KEYS = {"name", "shape", "datatype", "data", "parameters"}


def images_of(tensor: Any, spec: InputSpec, most: int) -> Images:
    """Images float32 (n, C, H, W) in [0, 1] of one input; Refusal where it is anything else."""
    if not isinstance(tensor, dict) or not {"name", "shape", "datatype", "data"} <= set(tensor):
        raise _wrong("an input with name, shape, datatype and data")
    if set(tensor) - _KEYS:
        raise _wrong("no other keys in an input than name, shape, datatype, data and parameters")
    if tensor["name"] != INPUT:
        raise _wrong(f'"{INPUT}" as the name of the input')
    if tensor["datatype"] not in DATATYPES:
        raise _wrong("a datatype of FP32 or UINT8")
    if not isinstance(tensor.get("parameters", {}), dict):
        raise _wrong("parameters as an object")
    count = _count(tensor["shape"], spec, most)
    if tensor["datatype"] == "UINT8":
        values = _bytes(tensor["data"], (count, *spec.shape))
    else:
        values = _floats(tensor["data"], (count, *spec.shape))
    return torch.from_numpy(values).reshape(count, *spec.shape)


def _count(shape: Any, spec: InputSpec, most: int) -> int:
    sizes = isinstance(shape, list) and all(type(size) is int for size in shape)
    if not sizes or tuple(shape[1:]) != spec.shape or not 1 <= shape[0] <= most:
        expected = ", ".join(map(str, spec.shape))
        raise _wrong(f"a shape of [n, {expected}] with 1 to {most} images")
    count: int = shape[0]
    return count


def _flat(data: Any, shape: tuple[int, ...]) -> list[Any]:
    """The numbers in row-major order; `data` is flat, or nested as the shape says."""
    if not isinstance(data, list):
        raise _wrong("data as a list of numbers")
    numbers: list[Any] = data
    if numbers and isinstance(numbers[0], list):
        count = shape[0]
        for length in shape[1:]:
            rows = all(isinstance(row, list) and len(row) == length for row in numbers)
            if len(numbers) != count or not rows:
                raise _wrong("data that nests as the shape says")
            numbers, count = [item for row in numbers for item in row], count * length
    return numbers


def _checked(data: Any, shape: tuple[int, ...]) -> list[Any]:
    numbers = _flat(data, shape)
    if len(numbers) != math.prod(shape):
        raise _wrong(f"{math.prod(shape)} numbers")
    return numbers


def _bytes(data: Any, shape: tuple[int, ...]) -> Any:
    try:
        # A list that has a bool is refused before: JSON's true is not cut out as a number.
        values = bytes(_checked(data, shape))
    except (TypeError, ValueError):
        raise _wrong("whole numbers from 0 to 255") from None
    return np.frombuffer(values, dtype=np.uint8).astype(np.float32) / np.float32(255)


def _floats(data: Any, shape: tuple[int, ...]) -> Any:
    try:
        values = np.array(_checked(data, shape), dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise _wrong("numbers from 0 to 1") from None
    # A comparison with NaN is false.
    if values.ndim != 1 or not bool(((values >= 0) & (values <= 1)).all()):
        raise _wrong("numbers from 0 to 1")
    return values.astype(np.float32)


def _wrong(what: str) -> Refusal:
    return Refusal(400, f"expected {what}, got something else; see /v2/openapi.json")
