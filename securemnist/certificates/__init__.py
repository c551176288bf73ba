"""Robustness certificates: sound bounds of a network's logits over an L-infinity or L2 ball."""

from securemnist.certificates.certificate import (
    BRANCHES,
    CROWN,
    INTERVALS,
    METHODS,
    Certificates,
    certify,
    read,
)
from securemnist.certificates.network import Network

__all__ = [
    "BRANCHES",
    "CROWN",
    "INTERVALS",
    "METHODS",
    "Certificates",
    "Network",
    "certify",
    "read",
]
