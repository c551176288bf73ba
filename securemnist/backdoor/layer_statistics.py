"""Layer statistics: means and maxima of every layer's activations, as features of an image."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from securemnist.backdoor.label_disagreement import principal
from securemnist.data import Samples
from securemnist.types import Progress, silent

_BATCH = 256
_MOST_LAYERS, _MOST_FEATURES = 8, 512
_LAYERS = (nn.Conv2d, nn.Linear)


@torch.no_grad()
def layer_statistics(
    model: nn.Module, samples: Samples, *, progress: Progress = silent
) -> dict[str, torch.Tensor]:
    """Features (n, d) of each convolution and linear layer but the last, by the layer's name.

    Maps (C, H, W) become the mean and the maximum of each channel. Of more than 8 layers the last 8
    are used. A model without such layers has none.
    """
    named = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, _LAYERS)]
    chosen = dict(named[:-1][-_MOST_LAYERS:])
    seen: dict[str, torch.Tensor] = {}
    parts: dict[str, list[torch.Tensor]] = {name: [] for name in chosen}

    def keep(name: str) -> Any:
        return lambda _, __, output: seen.__setitem__(name, _pooled(output))

    hooks = [layer.register_forward_hook(keep(name)) for name, layer in chosen.items()]
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    try:
        for start in range(0, len(samples) if chosen else 0, _BATCH):
            progress("reading the layers", start, len(samples))
            seen.clear()
            model(samples[start : start + _BATCH].images().to(device))
            for name, values in seen.items():
                parts[name].append(values.cpu())
    finally:
        for hook in hooks:
            hook.remove()
    whole = {name: torch.cat(found) for name, found in parts.items() if found}
    # A layer that was not called once for each image has no statistics.
    return {
        f"layer {name or 'of the model'}": _few(values)
        for name, values in whole.items()
        if len(values) == len(samples)
    }


def _pooled(output: torch.Tensor) -> torch.Tensor:
    values = output.detach().float().relu()
    if values.ndim == 4:
        return torch.cat([values.mean((2, 3)), values.amax((2, 3))], 1)
    return values.flatten(1)


def _few(values: torch.Tensor) -> torch.Tensor:
    return values if values.shape[1] <= _MOST_FEATURES else principal(values, _MOST_FEATURES)
