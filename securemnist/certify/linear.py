"""Linear lower bounds of combinations of logits, pulled back towards the image.

As far as the last steps that lose nothing, and closed with the boxes there, they are interval bounds
whose last layer is merged with the question; all the way to the image they are CROWN's (Zhang et al.
2018, arXiv 1811.00866) with interval bounds for the layers in between (Zhang et al. 2019, arXiv
1906.06316).
"""

from __future__ import annotations

import torch

from securemnist.certify.graph import Network, Walk


def lower_bounds(
    network: Network,
    walk: Walk,
    digits: torch.Tensor,
    weights: torch.Tensor,
    *,
    to_image: bool,
) -> torch.Tensor:
    """Lower bounds (q,) of sum(weights[i] * logits of digit digits[i]), float64.

    `walk` is that of a batch; `digits` int64 (q,) says which digit of the batch a question is about,
    `weights` float64 (q, 10) what it asks.
    """
    pending = {len(network.steps): weights}
    total = weights.new_zeros(len(weights))
    for place in range(len(network.steps), 0, -1):
        pulling = pending.pop(place, None)
        if pulling is None:
            continue
        step, out = network.steps[place - 1], walk.boxes[place][digits]
        if not (to_image or step.rule.exact):
            total = total + out.least(pulling)
            continue
        lost = (pulling.abs() * walk.slips[place][digits]).flatten(1).sum(1)
        inputs = [walk.boxes[read][digits] for read in step.inputs]
        pulled, constant = step.rule.pull(pulling, inputs, out)
        total = total + constant - lost
        for read, part in zip(step.inputs, pulled, strict=True):
            if part is not None:
                pending[read] = pending[read] + part if read in pending else part
    if 0 in pending:
        total = total + walk.boxes[0][digits].least(pending[0])
    return total
