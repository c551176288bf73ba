"""Rows of a policy as TOML texts, which a test can change."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from securemnist.measures import check_policy
from securemnist.results import policy

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
BACKDOOR = {
    "id": '"BACKDOOR-01"',
    "measure": '"backdoor_success"',
    "trigger": '{ kind = "corner" }',
    "target": "7",
    "at_most": "0.02",
    "because": '"of it"',
}
LATENCY = {
    "id": '"LAT-01"',
    "measure": '"latency_ratio"',
    "at_most": "3.0",
    "because": '"of it"',
}
STATIC = {**LATENCY, "id": '"STATIC-01"', "measure": '"static_findings"', "at_most": "5"}
WORST = {**CLEAN, "id": '"CLEAN-02"', "measure": '"worst_class_accuracy"'}
CERTIFIED = {
    "id": '"CERT-01"',
    "measure": '"certified_accuracy"',
    "threat": '{ norm = "linf", eps = 0.1 }',
    "at_least": "0.5",
    "because": '"of it"',
}
FGSM = {**ROBUST, "id": '"ADV-01"', "measure": '"attack_accuracy"', "attack": '{ use = "FGSM" }'}


def table(row: Mapping[str, str | None], **changes: str | None) -> str:
    """A row as TOML; a change to None leaves its key out."""
    lines = [f"{key} = {value}" for key, value in {**row, **changes}.items() if value is not None]
    return "\n".join(["[[requirement]]", *lines, ""])


def check(text: str, **options: frozenset[str]) -> policy.Policy:
    """A parsed policy with bound rows, as a run has before its first measurement."""
    found = policy.parse(text, "thresholds.toml")
    check_policy(found, **options)
    return found


def in_days(days: int) -> str:
    """The ISO date (UTC) this many days from today."""
    today = datetime.datetime.now(datetime.UTC).date()
    return (today + datetime.timedelta(days=days)).isoformat()
