"""Digest of a model's structure and of all tensors that it computes with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from securemnist._util.hashing import sha256, sha256_of_value


def fingerprint(model: nn.Module) -> str:
    """SHA-256 over structure, tensor names, dtypes, shapes and values.

    Covers parameters, buffers, tensors in plain attributes, and packed weights of quantised layers.
    Raises torch's own error for a tensor without values.
    """
    parts: list[Any] = [str(model)]
    for name, tensor in sorted(tensors_of(model).items()):
        parts.append([name, *content_of(tensor)])
    return sha256_of_value(parts)


def content_of(tensor: torch.Tensor) -> tuple[str, list[int], str]:
    """Type, shape, and SHA-256 of the values of a tensor."""
    values = sha256(_values(tensor).numpy().tobytes())
    return str(tensor.dtype), list(tensor.shape), values


def tensors_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """The tensors that `fingerprint` covers, by name."""
    # More than the state_dict, which may lack constants such as a mean and a deviation.
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    for path, module in model.named_modules():
        for key, value in vars(module).items():
            tensors.update(_nested_tensors(f"{path}.{key}", value))
    tied = [*model.named_parameters(remove_duplicate=False)]
    known = {name for name, _ in [*tied, *model.named_buffers(remove_duplicate=False)]}
    for key, value in model.state_dict().items():
        if key not in known:
            tensors.update(_nested_tensors(key, value))
    return tensors


def _nested_tensors(name: str, value: object) -> Iterator[tuple[str, torch.Tensor]]:
    """A tensor, or the tensors in tuples and lists, as in packed weights."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, tuple | list):
        for index, part in enumerate(value):
            yield from _nested_tensors(f"{name}[{index}]", part)


def _values(tensor: torch.Tensor) -> torch.Tensor:
    """The bytes of a tensor, (n,) uint8."""
    tensor = tensor.detach().cpu()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    return tensor.contiguous().flatten().view(torch.uint8)
