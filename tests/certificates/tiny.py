"""Tiny networks of four pixels, whose smallest margin linear programs compute exactly."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import torch
from scipy.optimize import linprog
from torch import nn

SHAPE = (1, 2, 2)
HIDDEN = 3


@cache
def tiny(seed: int, hidden: int = HIDDEN) -> nn.Sequential:
    """Two hidden layers of this many units, three classes."""
    torch.manual_seed(seed)
    layers = [nn.Linear(4, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()]
    model = nn.Sequential(nn.Flatten(), *layers, nn.Linear(hidden, 3))
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model.eval().requires_grad_(False)


def sample(model: nn.Module, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One random image (1, 1, 2, 2) and the class that the network gives it."""
    x = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(seed))
    return x, model(x).argmax(1)


def smallest_margin(model: nn.Sequential, x: torch.Tensor, label: int, eps: float) -> float:
    """The smallest margin in the ball."""
    centre = x.flatten().double().numpy()
    return smallest_within(model, np.stack([centre - eps, centre + eps], 1).clip(0, 1), label)


def smallest_within(model: nn.Sequential, limits: np.ndarray, label: int) -> float:
    """The smallest margin within limits (4, 2): one linear program for each sign pattern and class."""
    first, second, last = (
        (layer.weight.double().numpy(), layer.bias.double().numpy())
        for layer in model
        if isinstance(layer, nn.Linear)
    )
    least = np.inf
    spread = np.abs(first[0]) @ ((limits[:, 1] - limits[:, 0]) / 2)
    middle = first[0] @ limits.mean(1) + first[1]
    for signs in itertools.product((0.0, 1.0), repeat=2 * HIDDEN):
        one, two = np.array(signs[:HIDDEN]), np.array(signs[HIDDEN:])
        if (middle + spread < 0)[one > 0].any() or (middle - spread > 0)[one < 1].any():
            continue  # no image of the ball has this pattern
        weight, bias = second[0] * one @ first[0], second[0] @ (one * first[1]) + second[1]
        # Rows that are at most 0: the units of this pattern have its signs.
        rows = np.concatenate([(1 - 2 * one)[:, None] * first[0], (1 - 2 * two)[:, None] * weight])
        right = -np.concatenate([(1 - 2 * one) * first[1], (1 - 2 * two) * bias])
        for other in set(range(3)) - {label}:
            difference = (last[0][label] - last[0][other]) * two
            found = linprog(difference @ weight, rows, right, bounds=limits)
            if found.status == 0:
                shift = difference @ bias + last[1][label] - last[1][other]
                least = min(least, float(found.fun) + float(shift))
    return least
