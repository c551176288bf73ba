"""Links: the rules of an operation that consists of several, each with its own shape."""

from __future__ import annotations

from dataclasses import dataclass

from securemnist.certificates.operations.rules import Rule, Shape


@dataclass(frozen=True)
class Link:
    """A rule, and the shape of its outputs per sample.

    It reads the outputs of the link before it, if there is one, and the `operands` of the operation, by
    their numbers.
    """

    rule: Rule
    shape: Shape
    operands: tuple[int, ...] = ()
