"""Pruning of the neurons that are most sensitive to a perturbation of their weights (ANP).

Wu and Wang 2021, arXiv 2110.14430: a mask of all neurons is trained on clean images, once as it is and
once with the worst perturbation of weights and biases. Neurons of a backdoor end with a small mask.
"""

from __future__ import annotations

import bisect

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from securemnist.backdoor.repair.fine_tuning import Repair
from securemnist.batches import channels_last
from securemnist.models.predictions import is_wrong
from securemnist.types import Images, Labels

_EPOCHS, _RATE = 3, 0.2
# Largest relative perturbation of a weight, and the weight of the loss without it.
_PERTURBATION, _CLEAN = 0.4, 0.2
# Accuracy on the clean images that pruning may cost.
_MOST_LOST = 0.005


def prune(repair: Repair) -> None:
    """Set the weights of neurons with small masks to 0, as many as the clean accuracy allows."""
    layers = _hidden_layers(repair.model)
    masks = {name: torch.ones(len(layer.weight)) for name, layer in layers.items()}
    total, step = _EPOCHS * repair.batches, 0
    for number in range(_EPOCHS):
        for x, y in repair.epoch(number):
            _train_masks(repair, layers, masks, x, y)
            step += 1
            repair.progress(repair.name, step, total)
    _remove(repair, layers, masks)


def _hidden_layers(model: nn.Module) -> dict[str, nn.Conv2d | nn.Linear]:
    """Convolutions and linear layers by name, without the last, whose neurons are the classes."""
    found = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    }
    return dict(list(found.items())[:-1])


def _train_masks(
    repair: Repair,
    layers: dict[str, nn.Conv2d | nn.Linear],
    masks: dict[str, torch.Tensor],
    x: Images,
    y: Labels,
) -> None:
    """One step of the masks, (neurons,) in [0, 1] each, against the worst perturbation."""
    zeros = [torch.zeros_like(mask) for mask in masks.values()] * 2
    moves = [zero.clone().requires_grad_() for zero in zeros]
    gradients = torch.autograd.grad(_loss(repair.model, layers, masks, moves, x, y), moves)
    worst = [_PERTURBATION * gradient.sign() for gradient in gradients]
    trained = {name: mask.clone().requires_grad_() for name, mask in masks.items()}
    clean = _loss(repair.model, layers, trained, zeros, x, y)
    perturbed = _loss(repair.model, layers, trained, worst, x, y)
    total = _CLEAN * clean + (1 - _CLEAN) * perturbed
    steps = torch.autograd.grad(total, list(trained.values()))
    for (name, mask), gradient in zip(masks.items(), steps, strict=True):
        masks[name] = (mask - _RATE * gradient).clamp(0, 1)


def _loss(
    model: nn.Module,
    layers: dict[str, nn.Conv2d | nn.Linear],
    masks: dict[str, torch.Tensor],
    moves: list[torch.Tensor],
    x: Images,
    y: Labels,
) -> torch.Tensor:
    """Cross-entropy with weights times (mask + move) and biases times (1 + move)."""
    changed = {}
    for number, (name, layer) in enumerate(layers.items()):
        factor = masks[name] + moves[number]
        weight = layer.weight.detach()
        changed[f"{name}.weight"] = weight * factor.view(-1, *[1] * (weight.dim() - 1))
        if layer.bias is not None:
            changed[f"{name}.bias"] = layer.bias.detach() * (1 + moves[len(layers) + number])
    return F.cross_entropy(functional_call(model, changed, (x,)), y)


@torch.no_grad()
def _remove(
    repair: Repair,
    layers: dict[str, nn.Conv2d | nn.Linear],
    masks: dict[str, torch.Tensor],
) -> None:
    """Remove neurons, smallest mask first, as long as the accuracy on the clean images stays."""
    ranked = sorted(
        (value, name, neuron)
        for name, mask in masks.items()
        for neuron, value in enumerate(mask.tolist())
        if value < 1
    )
    least = _accuracy(repair) - _MOST_LOST
    whole = {name: layer.weight.clone() for name, layer in layers.items()}

    def too_many(count: int) -> bool:
        for name, layer in layers.items():
            layer.weight.copy_(whole[name])
        for _value, name, neuron in ranked[:count]:
            layers[name].weight[neuron] = 0
        return _accuracy(repair) < least

    # The largest number of neurons that is not too many, if accuracy falls with the number.
    too_many(bisect.bisect_left(range(1, len(ranked) + 1), True, key=too_many))


def _accuracy(repair: Repair) -> float:
    """The share of 1,000 clean images that are classified correctly."""
    x, y = repair.images[:1_000], repair.labels[:1_000]
    return float((~is_wrong(repair.model(channels_last(x)), y)).float().mean())
