"""Rows for a project of its own, and what a run of them leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests import policies
from tests.policies import table

CLEAN = table(policies.CLEAN, tier='"smoke"', images="300")
RED = CLEAN.replace("0.9", "1.0")
PGD = table(
    policies.ROBUST,
    attack='{ use = "PGD", steps = 3 }',
    threat='{ norm = "linf", eps = 0.05 }',
    images="10",
)
ATTACK = PGD.replace("robust_accuracy", "attack_accuracy")
FULL = table(policies.WORST, id='"FULL-01"', tier='"full"', at_least="0.5")
MODEL = "--security-model=baseline"


def read(folder: Path) -> dict[str, Any]:
    """The assessment that a run has left in `folder`."""
    return json.loads((folder / "assessment.json").read_text())


def verdicts(folder: Path) -> dict[str, str]:
    """Verdict of each row."""
    return {f["requirement"]["id"]: f["verdict"] for f in read(folder)["findings"]}
