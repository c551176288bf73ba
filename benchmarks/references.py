"""Accuracy over eps of the reference models: `nox -s references`, for rows of the policy with a `curve`.

Run it again after weights or such a row have changed; tests/references/test_references.py says when.
Curves that still belong to their weights are kept; `nox -s references -- all` measures every one.
"""

from __future__ import annotations

import json
import sys
from typing import Any, cast

from securemnist import data
from securemnist._util import resources
from securemnist.evaluation.context import Context
from securemnist.measures import bind
from securemnist.measures.attack_run import RobustSettings, curve
from securemnist.models import loading
from securemnist.references import curves
from securemnist.results import policy
from securemnist.results.evidence.attack import CurvePoint
from securemnist.view.progress import progress_bar


def main(again: bool) -> None:
    """Measure the reference models that are bundled, and write the file."""
    rows = [row for row in policy.load(resources.POLICY).requirements if row.settings.get("curve")]
    names = loading.with_role("curve")
    kept = [] if again else _kept()
    images = data.load()
    measured = []
    with progress_bar() as progress:
        for row in rows:
            settings = cast(RobustSettings, bind(row.measure, row.settings, tier=row.tier))
            norm, attacks = settings.threat["norm"], settings.ladder.attacks
            for name in names:
                context = Context(loading.resolve(name), images, progress=progress)
                points = _points(kept, curves.entry(context, attacks, norm, []))
                if [point.eps for point in points] != settings.curve:
                    points = curve(context, settings, row.seed)
                measured.append(curves.entry(context, attacks, norm, points))
                print(name, " ".join(f"{p.eps:g}:{p.accuracy:.3f}" for p in points))
    resources.write_atomically(curves.FILE, curves.dumps(measured))


def _kept() -> list[dict[str, Any]]:
    file = curves.FILE
    found: list[dict[str, Any]] = json.loads(file.read_bytes())["curves"] if file.is_file() else []
    return found


def _points(kept: list[dict[str, Any]], wanted: dict[str, Any]) -> list[CurvePoint]:
    """The points of the curve that has everything else in common with `wanted`."""
    same = (entry for entry in kept if {**entry, "points": []} == wanted)
    return [CurvePoint.from_json(point) for entry in same for point in entry["points"]]


if __name__ == "__main__":
    main(again=sys.argv[1:] == ["all"])
