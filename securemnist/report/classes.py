"""Figures by class: shares as bars, and the outcome of every image; of many classes the worst 20."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from securemnist.report import bars, grids
from securemnist.report.bars import Bar
from securemnist.results import per_image
from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.base import Evidence
from securemnist.results.evidence.certificates import CertifiedEvidence
from securemnist.results.evidence.tables import OutcomeTable
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view.class_names import SHOWN, ClassNames
from securemnist.view.figure import Exhibit, Table
from securemnist.view.numbers import share

_CODES: Mapping[str, Sequence[int]] = {  # by the keys of `grids.OUTCOMES`; "broken": any stage
    "certified": [per_image.CERTIFIED],
    "survived": [per_image.SURVIVED],
    "open": [per_image.NOT_ATTEMPTED],
    "misclassified": [per_image.MISCLASSIFIED],
}


def by_class(finding: Finding, evidence: Evidence, names: ClassNames) -> Exhibit | None:
    """A bar for each class: the share of its images that count against the model."""
    triggered = isinstance(evidence, BackdoorEvidence)
    values: list[float | None] = vars(evidence)["per_class_asr" if triggered else "per_class"]
    if not values or all(value is None for value in values):
        return None
    bad = [v if triggered or v is None else 1 - v for v in values]
    ranked = _worst_first(bad)
    worst = ranked[0]
    verb = line(finding.family.misread, 60)
    pairs = finding.requirement.settings.get("target") == "pair"
    if triggered:
        verb = f"predicted as {'one other class' if pairs else 'the target'}"
    limit = finding.requirement.threshold if triggered else 1 - finding.requirement.threshold
    caption = f"Percent of each class. The worst is class {names[worst]}: {_percent(bad[worst])}."
    whose = "of the worst pair" if pairs else "over all its images"
    if isinstance(evidence, CleanEvidence) and evidence.worst_class is not None:
        whose = "of the worst class"
    caption += f" Dashed: the {_percent(limit)} that the row allows {whose}."
    what = "attack success" if triggered else "accuracy"
    shown = ranked[:SHOWN] if len(bad) > SHOWN else list(range(len(bad)))
    rows = [(names[label], share(values[label])) for label in shown]
    drawn = [Bar(names.short(label), bad[label]) for label in shown]
    if others := ranked[SHOWN:] if len(bad) > SHOWN else []:
        mean = _mean([values[label] for label in others])
        rows.append((f"{len(others):,} others, mean", share(mean)))
        drawn.append(Bar(f"{len(others):,} others", _mean([bad[label] for label in others])))
        caption += f" The {SHOWN} worst of {len(bad):,} classes, and the mean of the others."
    picture = bars.shares(drawn, limit, alt=caption)
    table = Table(head=("class", what), rows=tuple(rows))
    return Exhibit.drawn("classes", f"Images {verb}, by class", caption, picture, table)


def _worst_first(bad: Sequence[float | None]) -> list[int]:
    """Classes from the largest share to the smallest, then those without images."""
    shares = [-1.0 if one is None else one for one in bad]
    return sorted(range(len(bad)), key=lambda label: -shares[label])


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _percent(value: float | None) -> str:
    return f"{100 * round(value or 0, 3):.3g}\N{NO-BREAK SPACE}%"


def outcomes(
    finding: Finding, evidence: AttackEvidence | CertifiedEvidence, names: ClassNames
) -> Exhibit | None:
    """Every image as a cell, by class and by outcome."""
    if evidence.outcomes is None:
        return None
    classes = _counted(evidence.outcomes, evidence.per_class)
    # Where nothing but proofs was tried, an image that is left is not proved.
    left = "not proved" if finding.family.proofs else "not tried"
    kinds = grids.OUTCOMES | {"open": (left, *grids.OUTCOMES["open"][1:])}
    if isinstance(evidence, CertifiedEvidence) and evidence.smoothed:  # by draws, not by proof
        kinds |= {"certified": ("certified", *kinds["certified"][1:])}
        kinds |= {"open": ("not certified", *kinds["open"][1:])}
    sums = _sum(classes)
    present = [kind for kind in kinds if sums[kind]]
    caption = f"A cell for each of {sum(sums.values()):,} images, a band for each class: "
    caption += f"{_words(sums, kinds)}."
    if sums["certified"] and sums["survived"]:
        caption += " True robust accuracy lies between proved and proved + survived."
    shown, others = list(range(len(classes))), []
    if len(classes) > SHOWN:
        ranked = sorted(shown, key=lambda label: _unbroken(classes[label]))
        shown, others = ranked[:SHOWN], ranked[SHOWN:]
    rows = [_row(names[label], classes[label], present) for label in shown]
    if others:
        rest = _sum([classes[label] for label in others])
        rows.append(_row(f"{len(others):,} others", rest, present))
        caption += f" Bands of the {SHOWN} worst of {len(classes):,} classes; the others together: "
        caption += f"{_words(rest, kinds)}."
    labels = [names.short(label) for label in shown]
    picture = grids.waffle([classes[label] for label in shown], labels, kinds, alt=caption)
    table = Table(head=("class", "images", *(kinds[kind][0] for kind in present)), rows=tuple(rows))
    return Exhibit.drawn(
        "outcomes", "Certified / survived / broken, per image", caption, picture, table
    )


def _counted(table: OutcomeTable, shares: Sequence[float | None] | None) -> list[dict[str, int]]:
    """The number of images of each class by outcome (keys of `grids.OUTCOMES`)."""
    classes = max(int(table.labels.max()) + 1, len(shares or ()))
    chosen = {kind: np.isin(table.codes, codes) for kind, codes in _CODES.items()}
    chosen["broken"] = table.codes >= 0
    counts = [np.bincount(table.labels[chosen[k]], minlength=classes) for k in grids.OUTCOMES]
    return [dict(zip(grids.OUTCOMES, of, strict=True)) for of in np.stack(counts, 1).tolist()]


def _sum(classes: Sequence[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for counts in classes:
        total.update(counts)
    return total


def _unbroken(counts: Mapping[str, int]) -> tuple[bool, float]:
    """For the order of classes, the worst first: those without images last."""
    images = sum(counts.values())
    return not images, (counts["certified"] + counts["survived"]) / max(images, 1)


def _words(counts: Mapping[str, int], kinds: Mapping[str, grids.Kind]) -> str:
    return ", ".join(f"{counts[kind]:,} {kinds[kind][0]}" for kind in kinds if counts[kind])


def _row(name: str, counts: Mapping[str, int], kinds: Sequence[str]) -> tuple[str, ...]:
    return (name, f"{sum(counts.values()):,}", *(f"{counts[kind]:,}" for kind in kinds))
