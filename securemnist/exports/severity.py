"""`security-severity` of rules: how much harm a broken requirement of a family allows.

Code-scanning services sort by it and read four bands: above 9 critical, from 7 high, from 4 medium, below
it low. A number here is the middle of a band, not a CVSS score: a share of samples has no attack vector.
"""

from __future__ import annotations

from securemnist.results.families import Family

CRITICAL, HIGH, MEDIUM, LOW = 9.5, 8.0, 5.5, 2.0
# Critical: the weights, or who supplies them, act for an attacker. High: an attacker who sends input
# chooses the answer, or runs code. Medium: the model is wrong or slow without an attacker, or
# reveals its training data. Low: a document is incomplete.
OF_FAMILY = {
    "backdoor": CRITICAL,
    "supply_chain": CRITICAL,
    "adversarial": HIGH,
    "certified": HIGH,
    "defence": HIGH,
    "service": HIGH,
    "static": HIGH,
    "clean": MEDIUM,
    "natural": MEDIUM,
    "privacy": MEDIUM,
    "latency": MEDIUM,
    "threat_model": LOW,
}
_OF_ISSUE = {"high": HIGH, "medium": MEDIUM, "low": LOW}


def of_family(family: Family) -> float:
    """The severity of a family's rows, in [0.1, 10]; a family of the user's own is medium."""
    return OF_FAMILY.get(family.name, MEDIUM)


def rank(level: str) -> float:
    """The severity of an issue of Bandit or Semgrep, in [0.1, 10]; an unknown level counts as high."""
    return _OF_ISSUE.get(level, HIGH)
