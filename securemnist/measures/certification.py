"""Certified accuracy: the share of images that are certified, whatever the attack.

It is a lower bound of the true robust accuracy: an image without a certificate may still be robust.
"""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from securemnist.backdoor.success_rate import rate_by_class
from securemnist.evaluation.certificate_stage import (
    bound_summary,
    certificate_counts,
    certify_and_attack,
    check_against_replay,
)
from securemnist.evaluation.context import Context
from securemnist.evaluation.outcomes import Outcomes
from securemnist.evaluation.pace import CROWN_PASSES, INTERVAL_PASSES, Pace
from securemnist.measures.base import Measure, ThreatSettings, share_measurement
from securemnist.models.predictions import predicted
from securemnist.results import families
from securemnist.results.evidence.certificates import Certificates, CertifiedEvidence
from securemnist.results.findings import Measurement
from securemnist.results.per_image import CERTIFIED, NOT_ATTEMPTED
from securemnist.threats import THREATS


class CertifiedSettings(ThreatSettings):
    """Settings of certificates within an L-infinity ball."""

    @field_validator("threat")
    @classmethod
    def _in_linf(cls, threat: dict[str, Any]) -> dict[str, Any]:
        if not THREATS[threat["norm"]].certifiable:
            raise ValueError(f"expected a certifiable norm (linf), got {threat['norm']!r}")
        return threat


def certified_accuracy(context: Context, settings: CertifiedSettings, seed: int) -> Measurement:
    """Share of test images that are certified to be classified right within the threat."""
    sample = context.sample(settings.images, seed)
    certificates = certify_and_attack(
        context, sample.x, sample.y, settings.threat_value(), crown=True, seed=seed
    )
    if context.replay is not None:
        check_against_replay(
            context, context.replay, sample, certificates.proved, settings.threat_value()
        )
    logits = context.logits(sample.x)
    outcomes = Outcomes(sample.y, predicted(logits, sample.y), logits.shape[1])
    outcomes.codes[certificates.proved] = CERTIFIED
    unproved = outcomes.undecided
    outcomes.codes[unproved] = NOT_ATTEMPTED  # no attack ran on these images
    return share_measurement(
        outcomes.certified,
        len(sample),
        complete=sample.complete,
        proved=outcomes.certified,
        seed=seed,
        evidence=CertifiedEvidence(
            outcomes=outcomes.table(**sample.record),
            per_class=rate_by_class(sample.y, sample.y[certificates.proved], outcomes.classes),
            certificates=Certificates(
                **certificate_counts(certificates),
                open=bound_summary(certificates.margins[unproved]),
            ),
        ),
    )


def _estimate(settings: CertifiedSettings, pace: Pace) -> float:
    unproved = pace.shares(settings.threat_value()).unproved
    passes = INTERVAL_PASSES + CROWN_PASSES * unproved
    return settings.expected_images(pace) * passes * pace.seconds


CERTIFIED_ACCURACY = Measure(
    certified_accuracy, CertifiedSettings, families.CERTIFIED, _estimate, weights=True
)
