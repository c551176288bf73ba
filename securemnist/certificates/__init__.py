"""Robustness certificates: sound bounds of a network's logits over an L-infinity ball."""

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
