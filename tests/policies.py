"""Rows of a policy as texts, to be changed by a test."""

from __future__ import annotations

from securemnist import policy
from securemnist.measures import check_policy

ROBUST = {
    "id": '"ADV-02"',
    "measure": '"robust_accuracy"',
    "attack": '{ use = "PGD", steps = 4 }',
    "threat": '{ norm = "linf", eps = 0.1 }',
    "at_least": "0.5",
    "because": '"of it"',
}
CLEAN = {
    "id": '"CLEAN-01"',
    "measure": '"clean_accuracy"',
    "at_least": "0.9",
    "because": '"of it"',
}
FGSM = {**ROBUST, "id": '"ADV-01"', "measure": '"attack_accuracy"', "attack": '{ use = "FGSM" }'}


def table(row: dict[str, str | None], **changes: str | None) -> str:
    """A row as TOML; a change to None leaves its key out."""
    lines = [f"{key} = {value}" for key, value in {**row, **changes}.items() if value is not None]
    return "\n".join(["[[requirement]]", *lines, ""])


def check(text: str, **options: frozenset[str]) -> policy.Policy:
    """Parse a policy and bind every row, as a run does before its first measurement."""
    found = policy.parse(text, "thresholds.toml")
    check_policy(found, **options)
    return found


# (the row, what is changed, what the sentence must say)
