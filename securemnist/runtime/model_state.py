"""Restoration of a caller's model after a measurement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


@contextmanager
def kept(model: nn.Module) -> Iterator[nn.Module]:
    """Like `restored`, and the values of tensors and the submodules are put back, too.

    The submodules of TorchScript stay: its tables are no dictionaries.
    """
    tensors = [*model.parameters(), *model.buffers()]
    values = [tensor.detach().clone() for tensor in tensors]
    tables: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (table, dict(table))
        for module in model.modules()
        for table in (module._modules, module._parameters)
        if isinstance(table, dict)
    ]
    try:
        with restored(model):
            yield model
    finally:
        for table, before in tables:
            table.clear()
            table.update(before)
        for tensor, value in zip(tensors, values, strict=True):
            if not torch.equal(tensor, value):
                tensor.data.copy_(value)


@contextmanager
def restored(model: nn.Module) -> Iterator[nn.Module]:
    """Yield `model` and restore its state at the end of the block, also after an exception.

    State: train or eval mode of each module, hooks, and of each parameter and buffer its storage
    (device, memory format), `requires_grad` and `grad`. Values that the model's own code writes into
    a tensor in place stay written.
    """
    modes = [(module, module.training) for module in model.modules()]
    # torch keeps the hooks of a module in dictionaries: `_forward_hooks`, `_backward_pre_hooks`, ...
    hooks = [
        (table, dict(table))
        for module in model.modules()
        for name, table in vars(module).items()
        if "_hooks" in name and isinstance(table, dict)
    ]
    tensors = [
        (tensor, tensor.data, tensor.requires_grad, tensor.grad)
        for tensor in (*model.parameters(), *model.buffers())
    ]
    buffers = [(module, dict(module._buffers)) for module in model.modules()]
    try:
        yield model
    finally:
        for module, training in modes:
            module.training = training
        for current, before in hooks:
            current.clear()
            current.update(before)
        for module, tensors_by_name in buffers:  # `to` replaces buffers but keeps parameters
            for name, buffer in tensors_by_name.items():
                module._buffers[name] = buffer  # TorchScript's table has no `update`
        for tensor, data, requires_grad, grad in tensors:
            tensor.data = data
            tensor.requires_grad_(requires_grad)
            tensor.grad = grad
