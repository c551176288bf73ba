"""Rules of the largest and the smallest of some activations: over dimensions, or of two tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import torch

from securemnist.certificates.operations.activations import leaky_relu
from securemnist.certificates.operations.arithmetic import Activations, broadcast
from securemnist.certificates.operations.intervals import Box, sums
from securemnist.certificates.operations.rules import Backward, Map, Rule, Shape
from securemnist.certificates.operations.selections import Operator
from securemnist.errors import NoCertificate


@final
@dataclass(frozen=True)
class Extreme(Rule):
    """The largest of k members, or the smallest. `parts` give members (n, k, ...) from each input.

    `constants` (1, ...) are members, too.

    It is at least as large as each member, so the one of the largest lower bound is a lower bound. Where
    this member exceeds all others in the whole box, it is the maximum. Otherwise the upper bound is
    that of the output. The smallest is the other way round.
    """

    parts: Sequence[Map]
    largest: bool
    constants: Sequence[torch.Tensor] = ()

    def members(self, *inputs: torch.Tensor) -> torch.Tensor:
        """All members (n, k, ...) of inputs (n, ...)."""
        found = [part(x) for part, x in zip(self.parts, inputs, strict=True)]
        shape = len(found[0]), 1, *found[0].shape[2:]
        known = [constant.to(found[0]).expand(shape) for constant in self.constants]
        return torch.cat([*found, *known], 1)

    def enclose(self, *boxes: Box) -> Box:
        box = self._of_members(boxes)
        if self.largest:
            return Box(box.lower.amax(1), box.upper.amax(1))
        return Box(box.lower.amin(1), box.upper.amin(1))

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        box = self._of_members(inputs)
        chosen = box.lower.argmax(1) if self.largest else box.upper.argmin(1)
        is_chosen = torch.arange(box.lower.shape[1], device=weights.device)
        is_chosen = is_chosen.view(1, -1, *[1] * (chosen.dim() - 1)) == chosen.unsqueeze(1)
        if self.largest:
            others, kept = box.upper.masked_fill(is_chosen, -torch.inf).amax(1), out.lower
            linear, alone = weights.clamp_min(0), kept >= others
        else:
            others, kept = box.lower.masked_fill(is_chosen, torch.inf).amin(1), out.upper
            linear, alone = weights.clamp_max(0), kept <= others
        linear = torch.where(alone, weights, linear)
        parts, constant = self._spread(linear.unsqueeze(1) * is_chosen, inputs)
        return parts, constant + out.minimum(weights - linear)

    def _of_members(self, boxes: Sequence[Box]) -> Box:
        lowers, uppers = [box.lower for box in boxes], [box.upper for box in boxes]
        return Box(self.members(*lowers), self.members(*uppers))

    def _spread(self, weights: torch.Tensor, inputs: Sequence[Box]) -> Backward:
        """Weights (n, k, ...) of the members as those of the inputs, and what constant members add."""
        with torch.enable_grad():
            zeros = [
                weights.new_zeros(len(weights), *box.lower.shape[1:]).requires_grad_()
                for box in inputs
            ]
            members = self.members(*zeros)
            parts = torch.autograd.grad(members, zeros, weights, create_graph=weights.requires_grad)
        return parts, sums(weights * members.detach())


def over_dimensions(*, largest: bool) -> Operator:
    """The largest or the smallest over one dimension or several, none of which is that of the batch."""

    def rule(shape: Shape, x: Activations, dims: Any = (), *_keepdim: Any) -> Rule:
        chosen = [dims] if isinstance(dims, int) else list(dims)
        places = sorted(dim % (len(x.shape) + 1) for dim in chosen)
        if not places or places[0] == 0:
            raise NoCertificate("expected a maximum of each sample, got one of the batch")
        first = list(range(1, 1 + len(places)))

        def members(t: torch.Tensor) -> torch.Tensor:
            moved = t.movedim(places, first).flatten(1, len(places))
            return moved.reshape(*moved.shape[:2], *shape)

        return Extreme((members,), largest)

    return rule


def of_two(*, largest: bool) -> Operator:
    """The larger or the smaller one of two tensors, one of which may be constant; ReLU of zeros."""

    def rule(shape: Shape, one: Any, other: Any) -> Rule:
        constants = [broadcast(x, shape) for x in (one, other) if not isinstance(x, Activations)]

        def member(t: torch.Tensor) -> torch.Tensor:
            return t.expand(len(t), *shape).unsqueeze(1)

        operand = one if isinstance(one, Activations) else other
        zero = bool(constants) and operand.shape == shape and not bool(constants[0].any())
        if largest and zero:
            return leaky_relu(0.0)
        # The kernel rounds them to float32.
        known = [constant.float().expand(shape)[None, None] for constant in constants]
        return Extreme([member] * (2 - len(known)), largest, known)

    return rule
