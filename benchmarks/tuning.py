"""The rows of the policy on the tuning split: `python -m benchmarks.tuning` (or `... ADV-03 CERT-01`).

Thresholds are set below these numbers, so that the test images have no say in them.
"""

from __future__ import annotations

import dataclasses
import sys

from securemnist import data
from securemnist._util import resources
from securemnist.assessing import measure
from securemnist.evaluation.context import Context
from securemnist.models import loading
from securemnist.project import settings
from securemnist.results import policy
from securemnist.results.families import SUPPLY_CHAIN

LEFT_OUT = (
    "latency_ratio",
    "static_findings",
    "service_violations",
    *SUPPLY_CHAIN.measures,
    "uncovered_threats",
)


def main(names: list[str]) -> None:
    """Measure the rows, or those that are named, of the default subject; times and files say nothing."""
    mnist = data.load()
    tuning = dataclasses.replace(mnist, test=mnist.tuning)
    context = Context(loading.resolve(settings.DEFAULT_MODEL), tuning)
    for row in policy.load(resources.POLICY).requirements:
        if row.measure in LEFT_OUT or (names and row.id not in names):
            continue
        asked = dict(row.settings)
        asked.pop("curve", None)
        asked["images"] = min(asked.get("images", len(tuning.test)), len(tuning.test))
        measurement = measure(context, row.measure, asked, tier=row.tier, seed=row.seed)
        doubts = ", ".join(doubt.name for doubt in measurement.doubts) or "no doubt"
        print(f"{row.id} {measurement.value:.4f} of {measurement.n:,} images, {doubts}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
