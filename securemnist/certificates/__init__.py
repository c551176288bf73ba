"""Robustness certificates: sound bounds of a network's logits over balls and patches."""

from securemnist.certificates.bounds.margin_bounds import BRANCHES, CROWN, INTERVALS, METHODS
from securemnist.certificates.certificate import NORMS, Certificates, certify, read
from securemnist.certificates.graph.network import Network

__all__ = [
    "BRANCHES",
    "CROWN",
    "INTERVALS",
    "METHODS",
    "NORMS",
    "Certificates",
    "Network",
    "certify",
    "read",
]
