"""CROWN bounds of intermediate layers: tighter than intervals where a network is not trained on those.

Each layer in front of an operation without exact bounds, such as ReLU, gets bounds from those of the
layers before it (Zhang et al. 2018, arXiv 1811.00866), with optimised slopes (Xu et al. 2021, arXiv
2011.13824). In front of a ReLU only units whose sign the interval leaves open are bounded: the others are
linear already.
"""

from __future__ import annotations

import torch

from securemnist.certificates.bounds.euclidean import intervals_of
from securemnist.certificates.graph.network import Intervals, Network
from securemnist.certificates.in_time import InTime, always
from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.relaxations.layers import layers_to_bound, unsure
from securemnist.certificates.relaxations.optimisation import optimised
from securemnist.certificates.relaxations.relaxation import Relaxation

# Units that are bounded at once: few, so that their values fit a processor's cache.
AT_ONCE = 64
# At most so many units of a layer are bounded first. Where their widths shrink by less than this part, as
# in networks trained on interval bounds, the others keep their bounds.
_TRIED, _PAYS = 16, 0.02
# Steps of Adam for each bound in layers of at most FEW undecided units, and the length of the first step.
STEPS, FEW, RATE = 5, 1000, 0.5


@torch.no_grad()
def tightened(network: Network, image: Box, in_time: InTime = always) -> Intervals:
    """Bounds of one sample's activations, by CROWN where that pays; `image` is its ball (1, ...).

    Where the time is over, units keep the bounds they have.
    """
    intervals = intervals_of(network, image)
    known = dict(enumerate(intervals.boxes))
    for source in layers_to_bound(network):
        units = unsure(network, source, intervals.boxes[source])
        exact = image.independent and _is_linear(network, source)
        if len(units) and not exact:
            relaxation = Relaxation(network, intervals, before=source)
            known[source] = _bounded(relaxation, source, units, in_time, steps=0)
            intervals = network.intervals(image, known)
    return intervals


@torch.no_grad()
def refined(network: Network, intervals: Intervals, in_time: InTime = always) -> Intervals:
    """Tighter bounds of one sample: slopes are optimised in layers of few undecided units."""
    known = dict(enumerate(intervals.boxes))
    for source in layers_to_bound(network):
        units = unsure(network, source, intervals.boxes[source])
        relaxation = Relaxation(network, intervals, before=source)
        if relaxation.units and 0 < len(units) <= FEW and not _is_linear(network, source):
            known[source] = _bounded(relaxation, source, units, in_time, steps=STEPS)
            intervals = network.intervals(known[0], known)
    return intervals


def _is_linear(network: Network, index: int) -> bool:
    """Whether a step has at most one affine operation of the image before it, and no other ones.

    Over a box its intervals are as tight as CROWN.
    """
    mixing = 0
    while index:
        step = network.steps[index - 1]
        if not step.rule.exact or len(step.inputs) != 1:
            return False
        mixing += step.rule.mixes
        index = step.inputs[0]
    return mixing <= 1


def _bounded(
    relaxation: Relaxation, source: int, units: torch.Tensor, in_time: InTime, *, steps: int
) -> Box:
    """The box of a step, with CROWN bounds of these units (flat indices) where they are tighter."""
    box = relaxation.intervals.boxes[source]
    lower, upper = box.lower.flatten().clone(), box.upper.flatten().clone()
    for number, part in enumerate(_parts(units, relaxation.network.rows_of_batch(AT_ONCE))):
        if not in_time():
            break
        rows = torch.zeros(len(part), len(lower), dtype=lower.dtype, device=lower.device)
        rows[torch.arange(len(part), device=part.device), part] = 1
        rows = rows.view(len(part), *box.lower.shape[1:])
        below, above = (_optimised(relaxation, w, steps) for w in (rows, -rows))
        before = (upper[part] - lower[part]).sum()
        # `fmax` and `fmin` keep the interval where CROWN gives NaN.
        lower[part], upper[part] = torch.fmax(lower[part], below), torch.fmin(upper[part], -above)
        if number == 0 and bool((upper[part] - lower[part]).sum() > (1 - _PAYS) * before):
            break
    return Box(lower.view_as(box.lower), upper.view_as(box.upper))


def _parts(units: torch.Tensor, most: int) -> list[torch.Tensor]:
    """Units in parts of `most`; the first one is from the whole layer."""
    count = min(_TRIED, most, len(units))
    first = torch.zeros_like(units, dtype=torch.bool)
    first[torch.arange(count, device=units.device) * len(units) // count] = True
    others = units[~first]
    return [units[first], *(others.split(most) if len(others) else ())]


def _optimised(relaxation: Relaxation, weights: torch.Tensor, steps: int) -> torch.Tensor:
    """Lower bounds (r,) of linear combinations of a step's outputs, `weights` (r, ...)."""
    signs = torch.zeros(len(weights), relaxation.units, dtype=torch.int8, device=weights.device)
    duals = relaxation.first_duals().expand(len(weights), -1)
    if steps:
        duals, _ = optimised(relaxation.estimates(signs), duals, weights, steps=steps, rate=RATE)
    return relaxation.domains(signs).lower_bounds(duals.double(), weights)
