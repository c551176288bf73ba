"""Norms of linear operations: how far an L2 ball moves their outputs, each and all together.

The product of spectral norms is a Lipschitz constant of a network (Tsuzuku et al. 2018, arXiv
1802.04034). Here the radius of the ball around the activations grows by one factor a layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import nn

from securemnist.certificates.graph.network import Network
from securemnist.certificates.operations.activations import LeakyReLU
from securemnist.certificates.operations.rules import Affine, Rearrange, Shape, transposed

# Basis vectors of one batch, and the most entries of one matrix: 160 MB.
_BASIS, _MOST = 64, 20_000_000
# Relative, above the float64 rounding of a norm, a Gram matrix and its factorisation.
_SLACK = 1e-6


@dataclass(frozen=True)
class Gain:
    """Norms of one chain of operations, as a matrix: upper bounds in float64.

    `rows` (1, ...): the L2 norm of the row of each output. `spectral`: the spectral norm, infinite for
    the last chain, behind which nothing needs it.
    """

    rows: torch.Tensor
    spectral: float


# Gains by a module of the exported network, which is as long-lived as its rules, and by the names of the
# steps: a network may be rewritten.
_GAINS: WeakKeyDictionary[nn.Module, dict[tuple[str, ...], dict[int, Gain]]] = WeakKeyDictionary()


def gains(network: Network, like: torch.Tensor) -> dict[int, Gain]:
    """Gains of the first chains, by the index of their last step; `like`: images (n, ...), float64.

    A chain is a sequence of linear operations of which one sums at most. Chains follow each other,
    with (leaky) ReLUs between them, and end at another operation or a matrix of too many entries.
    """
    known = _GAINS.setdefault(network.exported.functional, {})
    names = tuple(step.name for step in network.steps)
    if names not in known:
        shapes = [tuple(like.shape[1:]), *(step.shape for step in network.steps)]
        chosen = []
        for chain in _chains(network):
            entries = math.prod(shapes[chain[0] - 1]) * math.prod(shapes[chain[-1]])
            if entries > _MOST or any(_repeats(network, index, shapes) for index in chain):
                break
            chosen.append(chain)
        known[names] = {
            chain[-1]: _gain(network, chain, shapes, like, last=chain is chosen[-1])
            for chain in chosen
        }
    return known[names]


def _chains(network: Network) -> list[list[int]]:
    """The indices of the steps of each chain, up to the first step that is in none and no ReLU."""
    found: list[list[int]] = [[]]
    summed = False
    for index, step in enumerate(network.steps, 1):
        linear = isinstance(step.rule, Affine | Rearrange)
        if step.inputs != (index - 1,) or not (linear or isinstance(step.rule, LeakyReLU)):
            break
        # Products of two sums may cancel, so that rounding errors exceed the norm.
        if not linear or (summed and step.rule.mixes):
            found.append([])
            summed = False
        if linear:
            found[-1].append(index)
            summed |= step.rule.mixes
    return [chain for chain in found if chain]


def _repeats(network: Network, index: int, shapes: Sequence[Shape]) -> bool:
    """Whether a step without sums repeats an input, so that a later sum may cancel."""
    rule, before, after = network.steps[index - 1].rule, shapes[index - 1], shapes[index]
    if not isinstance(rule, Rearrange):
        return not rule.mixes and math.prod(before) != math.prod(after)
    uses = transposed(rule.select)(torch.ones(1, *after), torch.Size([1, *before]))
    return bool((uses > 1).any())


def _gain(
    network: Network,
    chain: Sequence[int],
    shapes: Sequence[Shape],
    like: torch.Tensor,
    *,
    last: bool,
) -> Gain:
    """The gain of a chain, from the matrix of its outputs on all basis vectors."""
    size, parts = math.prod(shapes[chain[0] - 1]), []
    for first in range(0, size, _BASIS):
        width = min(_BASIS, size - first)
        outputs = torch.eye(width, size, dtype=like.dtype, device=like.device).roll(first, 1)
        outputs = outputs.view(width, *shapes[chain[0] - 1])
        for index in chain:
            rule = network.steps[index - 1].rule
            if isinstance(rule, Affine):
                outputs = rule.linear(outputs)
            elif isinstance(rule, Rearrange):
                outputs = rule.select(outputs)
        parts.append(outputs.flatten(1))
    matrix = torch.cat(parts)
    rows = matrix.norm(dim=0) * (1 + _SLACK)
    return Gain(rows.view(1, *shapes[chain[-1]]), math.inf if last else spectral_norm(matrix))


def spectral_norm(matrix: torch.Tensor) -> float:
    """An upper bound of the spectral norm of a float64 matrix, at most by 1e-6 above it as a rule.

    A Cholesky factorisation proves that a number is above all eigenvalues of the Gram matrix (Higham
    2002, theorem 10.3); it is just above the computed largest one. Where the proof fails, the bound is
    the largest absolute row sum. Infinite where the entries are too large.
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    gram = matrix @ matrix.T if wide else matrix.T @ matrix
    if not bool(gram.isfinite().all()):
        return math.inf
    largest = torch.linalg.eigvalsh(gram)[-1] * (1 + _SLACK)
    above = largest * torch.eye(len(gram), dtype=gram.dtype, device=gram.device) - gram
    if int(torch.linalg.cholesky_ex(above).info):
        largest = gram.abs().sum(1).amax()
    return math.sqrt(float(largest) * (1 + _SLACK))
