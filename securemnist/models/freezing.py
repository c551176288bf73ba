"""Models in the state in which they are measured: eval mode, frozen weights, one device and layout."""

from __future__ import annotations

import torch
from torch import nn

from securemnist.errors import UsageError
from securemnist.input_spec import InputSpec


def frozen(model: nn.Module, device: str, input_spec: InputSpec) -> nn.Module:
    """The model in eval mode, without gradients for weights, in channels-last layout if possible."""
    try:
        torch.device(device)
    except RuntimeError as error:
        raise UsageError(
            f"expected a device of torch, got {device!r}; use cpu, cuda or cuda:N"
        ) from error
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(f"expected a CUDA device for {device!r}, got none; use --device cpu")
    # The return values are ignored: a model may override `to` and `eval` without returning itself.
    model.to(device)
    model.eval()
    for weights in model.parameters():
        weights.requires_grad_(False)
    return _in_channels_last(model, device, input_spec)


def _in_channels_last(model: nn.Module, device: str, input_spec: InputSpec) -> nn.Module:
    """The model in channels-last layout, in which convolutions on a CPU are fastest.

    A network that flattens feature maps with `view` fails in this layout and keeps the default one.
    """
    tensors = [*model.parameters(), *model.buffers()]
    if not any(t.dim() == 4 for t in tensors) or any(t.dim() > 4 for t in tensors):
        return model
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        with torch.no_grad():
            model(torch.zeros(2, *input_spec.shape, device=device))
    except Exception:  # the model contract reports errors other than the layout
        model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return model
