"""Network: a model as a chain of operations with bounds, and the interval bounds of all of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from securemnist.certificates.export import Exported
from securemnist.certificates.intervals import Box
from securemnist.certificates.rules import LogSoftmax, Rule, Shape
from securemnist.errors import NoCertificate

# Float64 rounding of one step, relative; that of float32 is far larger wherever there is any.
_FLOAT64 = 2.0**-40


@dataclass(frozen=True)
class Step:
    """One operation: its rule, its output's shape per sample, and which values it reads.

    Of `inputs` 0 is the image, k the output of the k-th step. `name` is that of the graph's node.
    """

    name: str
    rule: Rule
    shape: Shape
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Network:
    """The steps of a model in their order; the last one gives the logits."""

    steps: tuple[Step, ...]
    exported: Exported

    @property
    def classes(self) -> int:
        """The number of logits, K."""
        return self.steps[-1].shape[0]

    @property
    def probabilities(self) -> bool:
        """Whether the outputs are probabilities, and bounds are of their logarithms."""
        last = self.steps[-1].rule
        return isinstance(last, LogSoftmax) and last.exponential

    def intervals(self, image: Box) -> Intervals:
        """The boxes of all values, wide enough for the rounding of the deployed float32 network."""
        boxes, errors = [image], [torch.zeros_like(image.lower)]
        for step in self.steps:
            inputs = [boxes[read] for read in step.inputs]
            out, rounded = step.rule.enclose(*inputs), step.rule.rounding(*inputs)
            if out.lower.shape[1:] != step.shape:
                got = tuple(out.lower.shape[1:])
                raise NoCertificate(
                    f"expected bounds of shape {step.shape}, got {got} ({step.name})"
                )
            error = _FLOAT64 * out.size if rounded is None else rounded + _FLOAT64 * out.size
            boxes.append(out.widened(error))
            errors.append(error)
        return Intervals(boxes, errors)


@dataclass(frozen=True)
class Intervals:
    """Of one batch: the boxes of the image and of all steps, and each one's rounding `errors`."""

    boxes: list[Box]
    errors: list[torch.Tensor]
