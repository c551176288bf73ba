"""Accuracy over eps of the reference models: `nox -s references`, for rows of the policy with a `curve`.

Run it again when weights, such a row or an attack have changed; tests/test_references.py says so.
"""

from __future__ import annotations

from typing import cast

from securemnist import data, policy, resources, subjects
from securemnist.cli.display import progress_bar
from securemnist.evaluation import references
from securemnist.evaluation.lab import Lab
from securemnist.measures import bind
from securemnist.measures.robustness import RobustSettings, curve


def main() -> None:
    """Measure every reference model that is bundled, and write the file."""
    rows = [row for row in policy.load(resources.POLICY).requirements if row.settings.get("curve")]
    names = [name for name in references.MODELS if name in subjects.reference_names()]
    digits = data.load()
    curves = []
    with progress_bar() as progress:
        for row in rows:
            settings = cast(RobustSettings, bind(row.measure, row.settings, tier=row.tier))
            for name in names:
                lab = Lab(subjects.resolve(name), digits, progress)
                points = curve(lab, settings, row.seed)
                norm, attacks = settings.threat["norm"], settings.the_attacks()
                curves.append(references.entry(lab, attacks, norm, points))
                print(name, " ".join(f"{p['eps']:g}:{p['accuracy']:.3f}" for p in points))
    resources.write_atomically(references.FILE, references.dumps(curves))


if __name__ == "__main__":
    main()
