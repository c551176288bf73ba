"""Linear lower bounds of combinations of logits, propagated backwards towards the image.

Stopped at the last operations whose `pull` is exact, they are interval bounds whose last layer is
merged with the margin's weights. Continued to the image they are CROWN's (Zhang et al. 2018, arXiv
1811.00866), with interval bounds of the layers in between (Zhang et al. 2019, arXiv 1906.06316).
"""

from __future__ import annotations

import torch

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

    `intervals` are those of a batch; `samples` int64 (q,) are indices into the batch, `weights`
    float64 (q, K) those of the logits.
    """
    pending = {len(network.steps): weights}
    total = weights.new_zeros(len(weights))
    for index in range(len(network.steps), 0, -1):
        pulling = pending.pop(index, None)
        if pulling is None:
            continue
        step, out = network.steps[index - 1], intervals.boxes[index][samples]
        if not (to_image or step.rule.exact):
            total = total + out.minimum(pulling)
            continue
        lost = (pulling.abs() * intervals.errors[index][samples]).flatten(1).sum(1)
        inputs = [intervals.boxes[read][samples] for read in step.inputs]
        pulled, constant = step.rule.pull(pulling, inputs, out)
        total = total + constant - lost
        for read, part in zip(step.inputs, pulled, strict=True):
            if part is not None:
                pending[read] = pending[read] + part if read in pending else part
    if 0 in pending:
        total = total + intervals.boxes[0][samples].minimum(pending[0])
    return total
