"""A model as a sequence of operations with bounds, and its interval bound propagation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from securemnist.certificates.graph.export import Exported
from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.operations.rules import LogSoftmax, Rule, Shape
from securemnist.errors import NoCertificate, SecureMnistError, first_line

# Bounds of a batch: 100 samples of the bundled networks, 2 of ResNet-18 on 3x224x224, or 0.6 GB.
_SAMPLES, _VALUES = 100, 24_000_000
# Values of the linear bounds that are propagated at once: 32 MB a tensor.
_WEIGHTS = 4_000_000
# Activations of one sample: 32 bytes each, 3 GB in all.
_MOST = 100_000_000
# Relative float64 rounding error of one step, far below that of float32.
_FLOAT64 = 2.0**-40


@dataclass(frozen=True)
class Step:
    """One operation: the graph node's name, its rule, its output shape per sample, and its inputs.

    In `inputs`, 0 is the image and k the output of the k-th step.
    """

    name: str
    rule: Rule
    shape: Shape
    inputs: tuple[int, ...]

    @property
    def size(self) -> int:
        """The values of one sample that bounds of this step need."""
        return math.prod(self.shape) * self.rule.inner


@dataclass(frozen=True)
class Network:
    """The steps of a model in execution order; the last one computes the logits."""

    steps: tuple[Step, ...]
    exported: Exported

    def __post_init__(self) -> None:
        """NoCertificate for a network whose bounds of one sample take too much memory."""
        if self.activations > _MOST:
            raise NoCertificate(
                f"expected at most {_MOST:,} activations an image, got {self.activations:,}; certify "
                "smaller images"
            )

    @property
    def activations(self) -> int:
        """The number of activations of one sample, in all steps."""
        return sum(step.size for step in self.steps)

    @property
    def samples_of_batch(self) -> int:
        """Samples whose bounds are computed at once: fewer for a network of many activations."""
        return max(1, min(_SAMPLES, _VALUES // max(1, self.activations)))

    def rows_of_batch(self, most: int) -> int:
        """Linear bounds that are propagated at once: `most`, or fewer where one step is large."""
        largest = max(math.prod(step.shape) for step in self.steps)
        return max(1, min(most, _WEIGHTS // largest))

    @property
    def alone(self) -> bool:
        """Whether linear bounds of one sample are propagated at once, as they share large parts."""
        return any(step.rule.inner > 1 for step in self.steps)

    @property
    def classes(self) -> int:
        """The number of logits, K."""
        return self.steps[-1].shape[0]

    @property
    def probabilities(self) -> bool:
        """Whether the outputs are probabilities; bounds are then those of their logarithms."""
        last = self.steps[-1].rule
        return isinstance(last, LogSoftmax) and last.exponential

    def intervals(self, image: Box, known: Mapping[int, Box] | None = None) -> Intervals:
        """Interval bounds of all values, including the rounding errors of the float32 network.

        `known`: tighter bounds of some steps' outputs, by index, rounding errors included.
        """
        boxes, errors = [image], [torch.zeros_like(image.lower)]
        for index, step in enumerate(self.steps, 1):
            inputs = [boxes[source] for source in step.inputs]
            out, rounded = step.rule.enclose(*inputs), step.rule.rounding(*inputs)
            if out.lower.shape[1:] != step.shape:
                got = tuple(out.lower.shape[1:])
                raise NoCertificate(
                    f"expected bounds of shape {step.shape}, got {got} ({step.name})"
                )
            error = _FLOAT64 * out.size if rounded is None else rounded + _FLOAT64 * out.size
            box = out.widened(error)
            boxes.append(box.within(known[index]) if known and index in known else box)
            errors.append(error)
        return Intervals(boxes, errors)


@dataclass(frozen=True)
class Intervals:
    """Bounds of the image and of all steps for one batch, and their rounding errors.

    Without `errors` they are estimates: for searches, not for certificates.
    """

    boxes: list[Box]
    errors: list[torch.Tensor]

    def of_sample(self, index: int) -> Intervals:
        """Those of one sample of the batch."""
        one = slice(index, index + 1)
        return Intervals([box[one] for box in self.boxes], [error[one] for error in self.errors])

    def estimates(self) -> Intervals:
        """The same in float32, without rounding errors."""
        return Intervals([box.to(torch.float32) for box in self.boxes], [])


@contextmanager
def known_bounds() -> Iterator[None]:
    """NoCertificate where the rule of an operation does not support its arguments."""
    try:
        yield
    except SecureMnistError:
        raise
    except Exception as error:
        raise NoCertificate(
            f"expected operations with known bounds, got {first_line(error):.120}"
        ) from error
