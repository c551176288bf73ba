"""Certified accuracy: the share of images that are certified, whatever the attack.

It is a lower bound of the true robust accuracy: an image without a certificate may still be robust.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import field_validator, model_validator

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
from securemnist.evaluation.proof_stage import add_proofs, prove_and_attack
from securemnist.measures.base import Measure, share_measurement
from securemnist.measures.threat_settings import ProofSettings, ThreatSettings
from securemnist.models.predictions import predicted
from securemnist.results import families
from securemnist.results.evidence.certificates import Certificates, CertifiedEvidence
from securemnist.results.findings import Measurement
from securemnist.results.per_image import CERTIFIED, NOT_ATTEMPTED
from securemnist.threats import make_threat

# Boxes of an image for a patch or a pixel on 28x28 pixels, about: some ranges of places are divided.
_BOXES = 100


class CertifiedSettings(ProofSettings, ThreatSettings):
    """Settings of certificates within a ball of L-infinity or L2, a patch, or one pixel."""

    @field_validator("threat")
    @classmethod
    def _certifiable(cls, threat: dict[str, Any]) -> dict[str, Any]:
        if not (asked := make_threat(threat["norm"], threat["eps"])).certifiable:
            raise ValueError(
                f"expected linf, l2, a patch or one pixel of l0, got {asked}; change it"
            )
        return threat

    @model_validator(mode="after")
    def _proofs_possible(self) -> CertifiedSettings:
        self.check_proofs(self.within, randomised=False)
        return self


def certified_accuracy(context: Context, settings: CertifiedSettings, seed: int) -> Measurement:
    """Share of test images that are certified to be classified right within the threat."""
    sample, threat = context.sample(settings.images, seed), settings.threat_value()
    certificates = certify_and_attack(context, sample.x, sample.y, threat, crown=True, seed=seed)
    logits = context.logits(sample.x)
    outcomes = Outcomes(sample.y, predicted(logits, sample.y), logits.shape[1])
    outcomes.codes[certificates.proved] = CERTIFIED
    margins, counts = certificates.margins.clone(), certificate_counts(certificates)
    if settings.proof_seconds and len(left := outcomes.undecided):
        proofs = prove_and_attack(
            *(context, sample.x[left], sample.y[left], threat),
            seconds=settings.proof_seconds,
            seed=seed,
        )
        outcomes.codes[left[proofs.proved]] = CERTIFIED
        margins[left] = torch.fmax(margins[left], proofs.margins)
        add_proofs(counts, proofs, proofs.proved | proofs.broken)
    proved = outcomes.codes == CERTIFIED
    if context.replay is not None:
        check_against_replay(context, context.replay, sample, proved, threat)
    unproved = outcomes.undecided
    outcomes.codes[unproved] = NOT_ATTEMPTED  # no attack ran on these images
    return share_measurement(
        outcomes.certified,
        len(sample),
        complete=sample.complete,
        proved=outcomes.certified,
        evidence=CertifiedEvidence(
            outcomes=outcomes.table(**sample.record),
            per_class=rate_by_class(sample.y, sample.y[proved], outcomes.classes),
            certificates=Certificates(**counts, open=bound_summary(margins[unproved])),
        ),
    )


def _estimate(settings: CertifiedSettings, pace: Pace) -> float:
    threat = settings.threat_value()
    boxes, unproved = 1 if threat.form == "ball" else _BOXES, pace.shares(threat).unproved
    passes = boxes * (INTERVAL_PASSES + CROWN_PASSES * unproved)
    return settings.expected_images(pace) * passes * pace.seconds + settings.proof_seconds


CERTIFIED_ACCURACY = Measure(
    certified_accuracy, CertifiedSettings, families.CERTIFIED, _estimate, weights=True
)
