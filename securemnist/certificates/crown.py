"""Lower bounds of linear combinations of logits, by backward propagation towards the image.

Propagation to the image gives CROWN bounds (Zhang et al. 2018, arXiv 1811.00866), with interval
bounds of intermediate layers (Zhang et al. 2019, arXiv 1906.06316). Propagation through the last
exact operations only gives interval bounds with the last layer merged into the margin.
"""

from __future__ import annotations

import torch

from securemnist.certificates.intervals import sums
from securemnist.certificates.network import Intervals, Network


def lower_bounds(
    network: Network,
    intervals: Intervals,
    samples: torch.Tensor,
    weights: torch.Tensor,
    *,
    to_image: bool,
) -> torch.Tensor:
    """Lower bounds (q,) of sum(weights[i] * logits of sample samples[i]), float64.

    `intervals` are those of a batch, `samples` int64 (q,) indices into it, `weights` float64 (q, K)
    the coefficients of the logits.
    """
    pending = {len(network.steps): weights}
    total = weights.new_zeros(len(weights))
    for index in range(len(network.steps), 0, -1):
        output_weights = pending.pop(index, None)
        if output_weights is None:
            continue
        step, out = network.steps[index - 1], intervals.boxes[index][samples]
        if not (to_image or step.rule.exact):
            total = total + out.minimum(output_weights)
            continue
        rounding = sums(output_weights.abs() * intervals.errors[index][samples])
        inputs = [intervals.boxes[source][samples] for source in step.inputs]
        input_weights, constant = step.rule.backward(output_weights, inputs, out)
        total = total + constant - rounding
        for source, part in zip(step.inputs, input_weights, strict=True):
            if part is not None:
                pending[source] = pending[source] + part if source in pending else part
    if 0 in pending:
        total = total + intervals.boxes[0][samples].minimum(pending[0])
    return total
