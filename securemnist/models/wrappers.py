"""Wrappers: a network with another input or output as a classifier that fits the model contract.

The contract is images float32 (n, C, H, W) in [0, 1] to logits (n, K). Each function returns an
nn.Module in which gradients reach the images, so every attack runs on it. Epsilons stay in pixel units.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from torch import nn

from securemnist.models import input_layers, output_layers
from securemnist.models.architectures import Normalize


def normalized(
    network: nn.Module, mean: float | Sequence[float], std: float | Sequence[float]
) -> nn.Module:
    """A classifier from a network that expects (x - mean) / std, each a number or one a channel.

    Certificates cover it. ModelError unless every std is above 0.
    """
    return nn.Sequential(Normalize(mean, std), network)


def signed(network: nn.Module) -> nn.Module:
    """A classifier from a network that expects inputs in [-1, 1]. Certificates cover it."""
    return nn.Sequential(input_layers.Scale(2.0, -1.0), network)


def bytes_scaled(network: nn.Module) -> nn.Module:
    """A classifier from a network that expects floats from 0 to 255. Certificates cover it."""
    return nn.Sequential(input_layers.Scale(255.0, 0.0), network)


def nhwc(network: nn.Module) -> nn.Module:
    """A classifier from a network that expects images (n, H, W, C). Certificates cover it."""
    return nn.Sequential(input_layers.ChannelsLast(), network)


def resized(network: nn.Module, channels: int, height: int, width: int) -> nn.Module:
    """A classifier from a network that expects images (n, `channels`, `height`, `width`).

    Images are resized bilinearly, and a single channel is repeated. The perturbation is one of the
    original image.
    """
    return nn.Sequential(input_layers.Resize(channels, height, width), network)


def binary_sigmoid(network: nn.Module, *, probability: bool = False) -> nn.Module:
    """A classifier of two classes from a network with one output, (n, 1) or (n,), for class 1.

    A logit z becomes the logits (0, z), which certificates cover. With `probability` an output p in
    [0, 1] becomes the probabilities (1 - p, p) in float64; attacks run on their logarithm, and there are
    no certificates, which need float32. ModelError for another shape, or p outside [0, 1].
    """
    return output_layers.BinarySigmoid(network, probability)


def output(network: nn.Module, key: int | str) -> nn.Module:
    """A classifier from a network that returns a tuple, a mapping or an object: its part `key`.

    An index for a tuple or list, a key for a mapping, a name for an attribute. Certificates cover it.
    ModelError for a part that is missing.
    """
    return output_layers.Output(network, key)


def from_probabilities(network: nn.Module) -> nn.Module:
    """A classifier from a network that outputs scores of 0 or more: each divided by their sum.

    The results are probabilities: attacks run on their logarithm, and the doubt `probabilities` looks
    for saturated ones. A network that ends in softmax is recognised without this wrapper. No
    certificates here; they cover a softmax at the end of the network itself. ModelError for a negative
    score, or scores that are all 0.
    """
    return output_layers.Probabilities(network)


def from_log_probabilities(network: nn.Module) -> nn.Module:
    """The network itself: log-probabilities are logits up to a constant, and certificates cover them.

    A logarithm of softmax can be minus infinity, which the model contract refuses; end the network in
    log_softmax.
    """
    return network


def select_classes(network: nn.Module, classes: Sequence[int]) -> nn.Module:
    """A classifier from a network with more outputs than the data have classes: those of `classes`.

    Output `classes[k]` becomes logit k. Certificates cover it. Where the network ends in softmax, wrap
    the result in `from_probabilities`, because its outputs no longer sum to 1. ModelError for a
    repeated, negative or missing output.
    """
    return output_layers.SelectClasses(network, classes)


def half_precision(network: nn.Module) -> nn.Module:
    """A classifier from a network that computes in float16: float32 images in, float32 logits out.

    The network itself stays in float32; a copy is converted. Doubts use the rounding of float16. No
    certificates: they need float32 weights.
    """
    return output_layers.HalfPrecision(copy.deepcopy(network).half())
