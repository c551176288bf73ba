"""A rich, made-up assessment with every verdict: what the report tests render and look at."""

from __future__ import annotations

from typing import Any

from securemnist.results.assessment import Assessment
from tests.report.example_rows import findings
from tests.report.judged import finding, measured, row

__all__ = ["DAY", "POLICY", "assessment", "finding", "findings", "measured", "row"]

DAY = "2026-11-21"
POLICY = """\
# The policy of the example: every number that can fail a build.
[[requirement]]
id       = "ADV-02"
measure  = "robust_accuracy"
attack   = { use = "PGD", steps = 40 }
threat   = { norm = "linf", eps = 0.1 }
images   = 10000
at_least = 0.85
because  = "eps 0.1 is the mild setting of the certified-training literature"
"""


def assessment(**changes: Any) -> Assessment:
    """The example; keyword arguments replace its fields."""
    fields: dict[str, Any] = {
        "subject": {
            "name": "postbox-reader 2.3.0",
            "spec": "postbox.models:reader",
            "digest": "9f2c1e" + "5b7a" * 14 + "d0",
            "architecture": "small convolutional network",
            "parameters": 1_663_370,
            "data": {
                "name": "MNIST",
                "digests": {
                    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ce",
                    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847",
                },
            },
            "device": "CPU, 2 threads",
            "recipe": {
                "name": "adversarial training",
                "epochs": 20,
                "optimiser": {"name": "Adam", "learning rate": 0.001},
                "eps": 0.2,
            },
        },
        "scope": {"tier": "standard", "markers": "", "keywords": "", "paths": []},
        "environment": {
            "python": "3.11.7",
            "platform": "Linux-6.1-x86_64",
            "packages": {"torch": "2.13.0", "numpy": "2.4.0", "scipy": "1.17.0"},
            "threads": 2,
            "commit": "4c1f0e9b7ad2",
        },
        "policy": {
            "path": "security_tests/thresholds.toml",
            "digest": "71d0" * 16,
            "text": POLICY,
        },
        "findings": findings(),
        "day": DAY,
    }
    return Assessment(**{**fields, **changes})
