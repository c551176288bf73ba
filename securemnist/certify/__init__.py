"""Certificates: bounds of a network's logits over a ball, by walking the network's own graph."""

from securemnist.certify.certificates import (
    CROWN,
    INTERVALS,
    METHODS,
    Certificates,
    certify,
)
from securemnist.certify.graph import Network, read

__all__ = ["CROWN", "INTERVALS", "METHODS", "Certificates", "Network", "certify", "read"]
