"""Certificates: bounds of a network's logits over a ball of images, by the network's own graph."""

from securemnist.certificates.certificate import (
    CROWN,
    INTERVALS,
    METHODS,
    Certificates,
    certify,
    read,
)
from securemnist.certificates.network import Network

__all__ = ["CROWN", "INTERVALS", "METHODS", "Certificates", "Network", "certify", "read"]
