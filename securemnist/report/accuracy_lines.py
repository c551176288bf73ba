"""Lines of accuracy over epsilon: the subject's, one for each attack, then the reference models'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from securemnist.results.evidence.attack import AttackEvidence, CurvePoint
from securemnist.sanitize import line


@dataclass(frozen=True, kw_only=True)
class Line:
    """Points of one network under one attack, by eps; `reference` is a network beside the subject."""

    name: str
    attack: str
    points: tuple[CurvePoint, ...]
    reference: bool = False


def lines_of(evidence: AttackEvidence) -> list[Line]:
    """The lines to draw; none where no accuracy over epsilon was measured."""
    if not evidence.curve:
        return []
    lines = _lines(evidence.curve, "")
    for reference in evidence.reference_curves:
        lines += _lines(reference.points, line(reference.model, 40))
    return lines


def _lines(points: Sequence[CurvePoint], model: str) -> list[Line]:
    """The points of one network, by attack."""
    found: dict[str, list[CurvePoint]] = {}
    for point in points:
        found.setdefault(line(point.attack, 24), []).append(point)
    return [
        Line(
            name=model or (attack if len(found) > 1 else "this model"),
            attack=attack,
            points=tuple(sorted(points, key=lambda point: point.eps)),
            reference=bool(model),
        )
        for attack, points in found.items()
    ]
