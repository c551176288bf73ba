"""Certified accuracy: the share of digits for which robustness is proved, whatever the attack.

It is a lower bound of the true robust accuracy: what is not certified may still be robust.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import field_validator

from securemnist.certificates import Certificates
from securemnist.evaluation.certificate_stage import hold_against, left_open, prove, told
from securemnist.evaluation.context import Lab
from securemnist.evaluation.outcomes import Outcomes
from securemnist.evaluation.pace import CROWN_PASSES, INTERVAL_PASSES, Pace
from securemnist.measures.base import Measure, ThreatSettings, share
from securemnist.models.predictions import predicted
from securemnist.results import families
from securemnist.results.findings import Measurement
from securemnist.results.per_image import CERTIFIED, NOT_ATTEMPTED
from securemnist.threats import THREATS
from securemnist.types import CLASSES


class CertifiedSettings(ThreatSettings):
    """Certificates within an L-infinity ball."""

    @field_validator("threat")
    @classmethod
    def _in_linf(cls, threat: dict[str, Any]) -> dict[str, Any]:
        if not THREATS[threat["norm"]].certifiable:
            raise ValueError(f"expected a certifiable norm (linf), got {threat['norm']!r}")
        return threat


def certified_accuracy(lab: Lab, settings: CertifiedSettings, seed: int) -> Measurement:
    """Share of test digits that are read right everywhere in their ball, by proof."""
    sample = lab.sample(settings.digits, seed)
    found = prove(lab, sample.x, sample.y, settings.the_threat(), crown=True, seed=seed)
    if lab.replay is not None:
        hold_against(lab, lab.replay, sample, found.proved, settings.the_threat())
    outcomes = Outcomes(sample.y, predicted(lab.logits(sample.x), sample.y), sample.order)
    outcomes.codes[found.proved] = CERTIFIED
    unproved = outcomes.open
    outcomes.codes[unproved] = NOT_ATTEMPTED  # nobody has attacked it here
    table = outcomes.evidence()["outcomes"] | sample.record
    n = len(sample)
    measured = share(
        outcomes.certified,
        n,
        complete=sample.complete,
        seed=seed,
        certified=outcomes.certified / n,
        evidence={
            "outcomes": table,
            "per_class": _per_class(found, sample.y),
            "certificates": told(found) | {"open": left_open(found.margins[unproved])},
        },
    )
    proved = measured.value if measured.complete else measured.low
    return Measurement(**{**measured.__dict__, "certified_low": proved})


def _per_class(found: Certificates, y: torch.Tensor) -> list[float | None]:
    counts = torch.bincount(y, minlength=CLASSES).tolist()
    hits = torch.bincount(y[found.proved], minlength=CLASSES).tolist()
    return [hit / n if n else None for hit, n in zip(hits, counts, strict=True)]


def _estimate(settings: CertifiedSettings, pace: Pace) -> float:
    asked = pace.shares(settings.the_threat()).unproved
    passes = INTERVAL_PASSES + CROWN_PASSES * asked
    return settings.expected_digits * passes * pace.seconds


CERTIFIED_ACCURACY = Measure(certified_accuracy, CertifiedSettings, families.CERTIFIED, _estimate)
