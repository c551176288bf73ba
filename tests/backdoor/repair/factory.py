"""A factory of a network without a weight file."""

from __future__ import annotations

from torch import nn

from tests.small_network import small_network


def network() -> nn.Module:
    """A small network for MNIST."""
    return small_network()
