"""Lower bounds of linear combinations of activations, by backward propagation towards the image.

Propagation to the image gives CROWN bounds (Zhang et al. 2018, arXiv 1811.00866). The bounds of
intermediate layers are intervals (Zhang et al. 2019, arXiv 1906.06316), or tighter ones of
`tightening`. Propagation through the last exact operations only gives interval bounds with the last
layer merged into the margin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from securemnist.certificates.graph.network import Intervals, Network
from securemnist.certificates.operations.activations import LeakyReLU, Lines
from securemnist.certificates.operations.intervals import sums
from securemnist.certificates.operations.rules import Backward

EVERY_SAMPLE = slice(None)


@dataclass(frozen=True)
class Choice:
    """What a bound is free to choose; every choice is sound.

    `slopes`: by the index of a (leaky) ReLU, the slopes (q, ...) of its lower bounds, and `lines`, its
    other bounds. `added`: by the
    index of a step, numbers (q, ...) whose product with its outputs is at most 0 in the domain (arXiv
    2103.06624). `weights` is filled by the propagation: the weights of each step's outputs.
    """

    slopes: dict[int, torch.Tensor] = field(default_factory=dict)
    lines: Mapping[int, Lines] = field(default_factory=dict)
    added: dict[int, torch.Tensor] = field(default_factory=dict)
    weights: dict[int, torch.Tensor] = field(default_factory=dict)


def lower_bounds(
    network: Network,
    intervals: Intervals,
    samples: torch.Tensor | slice,
    weights: torch.Tensor,
    *,
    to_image: bool,
    step: int | None = None,
    choice: Choice | None = None,
) -> torch.Tensor:
    """Lower bounds (q,) of sum(weights[i] * logits of sample samples[i]), float64.

    `intervals` are those of a batch, `samples` int64 (q,) indices into it, `weights` float64 (q, K)
    the coefficients of the logits; of another `step`, (q, ...) those of its outputs. Bounds of one
    sample serve every weight with EVERY_SAMPLE.
    """
    choice = choice or Choice()
    pending = {len(network.steps) if step is None else step: weights}
    total = weights.new_zeros(len(weights))
    for index in range(max(pending), 0, -1):
        output_weights = _weights(index, pending, choice)
        if output_weights is None:
            continue
        rule, sources = network.steps[index - 1].rule, network.steps[index - 1].inputs
        out = intervals.boxes[index][samples]
        if not (to_image or rule.exact):
            total = total + out.minimum(output_weights)
            continue
        inputs = [intervals.boxes[source][samples] for source in sources]
        propagated: Backward
        if isinstance(rule, LeakyReLU) and index in choice.slopes:
            lines = choice.lines[index]
            propagated = rule.relaxed(output_weights, lines, choice.slopes[index])
        else:
            propagated = rule.backward(output_weights, inputs, out)
        total = total + propagated[1]
        if intervals.errors:
            total = total - sums(output_weights.abs() * intervals.errors[index][samples])
        for source, part in zip(sources, propagated[0], strict=True):
            if part is not None:
                pending[source] = pending[source] + part if source in pending else part
    image_weights = _weights(0, pending, choice)
    if image_weights is not None:
        total = total + intervals.boxes[0][samples].minimum(image_weights)
    return total


def _weights(index: int, pending: dict[int, torch.Tensor], choice: Choice) -> torch.Tensor | None:
    """The weights of a step's outputs, what `choice` adds included; None where it has none."""
    weights = pending.pop(index, None)
    if index in choice.added:
        added = choice.added[index]
        weights = added if weights is None else weights + added
    if weights is not None:
        choice.weights[index] = weights
    return weights
