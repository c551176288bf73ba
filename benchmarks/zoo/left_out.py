"""Limits without one kind of backdoor: `python -m benchmarks.zoo.left_out FOLDER`.

The limits of an anomaly are chosen on the evaluation networks of the other kinds, on clean ones and on
the references. They are applied to the kind that is left out, of the evaluation and the final networks.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.zoo.measure import Record, judged_scans
from benchmarks.zoo.members import BACKDOORS
from securemnist.backdoor.scan import references
from securemnist.backdoor.scan.statistics import Statistic, judged

PROBABILITIES = tuple(10 ** (-place / 2) for place in range(4, 17))  # 1e-8 to 1e-2
RATIOS = tuple(place / 20 for place in range(2, 17))  # 0.10 to 0.80

Limits = tuple[float, float]
Scan = Sequence[Statistic]


def main(folder: Path) -> None:
    """Print a table: limits and hits of each kind, and false alarms."""
    chosen_on, final = judged_scans(folder, "evaluation"), judged_scans(folder, "final")
    clean = [*_of("", chosen_on), *_references()]
    print(
        "| left out | probability | ratio | found, evaluation | found, final | clean final alarms |"
    )
    print("|---|---|---|---|---|---|")
    for kind in BACKDOORS:
        others = [scan for other in BACKDOORS if other != kind for scan in _of(other, chosen_on)]
        limits = strictest(others, clean)
        cells = [
            f"{hits(limits, scans)} of {len(scans)}"
            for scans in (_of(kind, chosen_on), _of(kind, final), _of("", final))
        ]
        name = kind.replace("_", " ")
        print(f"| {name} | {limits[0]:.1g} | {limits[1]:.2f} |", " | ".join(cells), "|")


def strictest(backdoored: Sequence[Scan], clean: Sequence[Scan]) -> Limits:
    """Of the limits without a false alarm, those with most hits; of these the smallest."""
    quiet = [
        limits for limits in itertools.product(PROBABILITIES, RATIOS) if not hits(limits, clean)
    ]
    return min(quiet, key=lambda limits: (-hits(limits, backdoored), limits))


def hits(limits: Limits, scans: Sequence[Scan]) -> int:
    """How many scans have a statistic below both limits: a probability and a ratio."""
    probability, ratio = limits
    return sum(
        any(one.probability < probability and one.ratio < ratio for one in scan) for scan in scans
    )


def _of(kind: str, scans: Sequence[tuple[Record, Scan]]) -> list[Scan]:
    return [scan for record, scan in scans if record["backdoor"] == kind]


def _references() -> list[Scan]:
    """Each bundled reference, judged by the others."""
    networks = [one.tensors() for one in references.read(references.BUNDLED).networks]
    return [judged(own, networks[:i] + networks[i + 1 :]) for i, own in enumerate(networks)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
