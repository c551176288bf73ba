"""Rows for a project of its own, and what a run of them leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CLEAN = """
[[requirement]]
id = "CLEAN-01"
measure = "clean_accuracy"
tier = "smoke"
images = 300
at_least = 0.9
because = "an unread image is not worth defending"
"""
RED = CLEAN.replace("0.9", "1.0")
PGD = """
[[requirement]]
id = "ADV-02"
measure = "robust_accuracy"
attack = { use = "PGD", steps = 3 }
threat = { norm = "linf", eps = 0.05 }
images = 10
at_least = 0.5
because = "a search within a small ball"
"""
ATTACK = PGD.replace("robust_accuracy", "attack_accuracy")
FULL = """
[[requirement]]
id = "FULL-01"
measure = "worst_class_accuracy"
tier = "full"
at_least = 0.5
because = "only in long runs"
"""
MODEL = "--security-model=baseline"


def read(folder: Path) -> dict[str, Any]:
    """The assessment that a run has left in `folder`."""
    return json.loads((folder / "assessment.json").read_text())


def verdicts(folder: Path) -> dict[str, str]:
    """Verdict of each row."""
    return {f["requirement"]["id"]: f["verdict"] for f in read(folder)["findings"]}
