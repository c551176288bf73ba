"""The rule of a concatenation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch

from securemnist.certificates.operations.intervals import Box, sums
from securemnist.certificates.operations.rules import Backward, Rule


@final
@dataclass(frozen=True)
class Concatenate(Rule):
    """Activations and constants concatenated along dimension `dim` (0 is the batch).

    `constants`, float64 (1, ...), stand in their places, and None for activations; empty for those alone.
    """

    dim: int
    constants: tuple[torch.Tensor | None, ...] = ()
    exact = True

    def enclose(self, *boxes: Box) -> Box:
        lowers, uppers = (
            self._parts([b.lower for b in boxes]),
            self._parts([b.upper for b in boxes]),
        )
        return Box(torch.cat(lowers, self.dim), torch.cat(uppers, self.dim))

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        parts = self._parts([box.lower for box in inputs])
        pieces = weights.split([part.shape[self.dim] for part in parts], self.dim)
        total, of_activations = weights.new_zeros(len(weights)), []
        for piece, constant in zip(pieces, self._places(inputs), strict=True):
            if constant is None:
                of_activations.append(piece)
            else:
                total = total + sums(piece * constant.to(weights.dtype))
        return of_activations, total

    def _parts(self, activations: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """All parts in their order."""
        waiting = iter(activations)
        like = activations[0]
        return [
            next(waiting) if each is None else each.to(like).expand(len(like), *each.shape[1:])
            for each in self._places(activations)
        ]

    def _places(self, activations: Sequence[object]) -> Sequence[torch.Tensor | None]:
        return self.constants or [None] * len(activations)
