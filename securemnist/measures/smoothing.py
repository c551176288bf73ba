"""Certified accuracy within an L2 ball, of the model smoothed by Gaussian noise.

What is certified is the smoothed classifier: the class that the model gives most often under noise.
Who relies on the row has to deploy that classifier (`securemnist.smoothing.predict`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pydantic import Field, field_validator, model_validator

from securemnist.backdoor.success_rate import rate_by_class
from securemnist.errors import UsageError
from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.doubts.batch_dependence import TOGETHER
from securemnist.evaluation.outcomes import Outcomes
from securemnist.evaluation.pace import Pace
from securemnist.measures.base import (
    AnswerSettings,
    Measure,
    as_value_error,
    share_measurement,
    unreliable_reason,
)
from securemnist.measures.threat_settings import ThreatSettings
from securemnist.results import families
from securemnist.results.evidence.certificates import CertifiedEvidence, RadiusPoint, Smoothed
from securemnist.results.findings import Measurement
from securemnist.results.per_image import CERTIFIED, NOT_ATTEMPTED
from securemnist.smoothing import Certified, Smoothing, certify, largest_radius
from securemnist.smoothing.draws import noise_blocks
from securemnist.threats import L2

# Points of the curve above eps, which cost nothing: the draws are the same.
_POINTS = 8


class SmoothedSettings(ThreatSettings):
    """Settings of `certified_l2`: `sigma` of the noise, `n0` and `n` draws, `alpha` over all images.

    `curve`: further radii of the figure. A radius below eps costs time, since fewer images are given up.
    """

    sigma: float
    n0: int = 100
    n: int = 10_000
    alpha: float = 0.001
    curve: list[float] = Field(default_factory=list, max_length=12)

    @field_validator("threat")
    @classmethod
    def _in_l2(cls, threat: dict[str, Any]) -> dict[str, Any]:
        if threat["norm"] != L2.norm:
            raise ValueError(f"expected an l2 threat for smoothing, got {threat['norm']!r}")
        return threat

    @model_validator(mode="after")
    def _reachable(self) -> SmoothedSettings:
        """ValueError for settings out of range, and for a radius that no image could reach."""
        with as_value_error():
            check_reachable(self.smoothing, self.threat["eps"], self.images or 1)
            for radius in self.curve:
                L2(radius)
        return self

    @property
    def smoothing(self) -> Smoothing:
        """Noise, draws and failure probability."""
        return Smoothing(sigma=self.sigma, n0=self.n0, n=self.n, alpha=self.alpha)


def check_reachable(smoothing: Smoothing, eps: float, images: int) -> None:
    """UsageError where not even an image without a miss is certified within eps."""
    most = largest_radius(smoothing, images)
    if eps > most:
        raise UsageError(
            f"expected eps of at most {most:.3g}, the radius of {smoothing.n:,} draws without a miss "
            f"(sigma {smoothing.sigma:g}, alpha {smoothing.alpha:g} over {images:,} images), got "
            f"{eps:g}; raise sigma or n"
        )


def certified_l2(context: Context, settings: SmoothedSettings, seed: int) -> Measurement:
    """Share of test images whose class the smoothed model keeps within the threat.

    All certificates of the row hold together with a probability of at least 1 - alpha. The interval
    for new images comes on top. Inconclusive where predictions depend on the batch or on the draw:
    then draws are not independent.
    """
    sample = context.sample(settings.images, seed)
    smoothing, eps = settings.smoothing, settings.threat_value().eps
    check_reachable(smoothing, eps, len(sample))
    found = certify(
        context.subject.model,
        sample.x,
        sample.y,
        smoothing,
        seed=seed,
        least=min([eps, *settings.curve]),
        device=context.subject.device,
        progress=context.progress,
    )
    outcomes = Outcomes(sample.y.cpu(), found.classes, context.data.spec.classes)
    undecided = outcomes.undecided
    outcomes.codes[undecided] = NOT_ATTEMPTED
    outcomes.codes[found.at(eps)] = CERTIFIED
    return share_measurement(
        outcomes.certified,
        len(sample),
        complete=sample.complete,
        inconclusive=unreliable_reason(
            context, AnswerSettings(), _draws(sample, found, smoothing, seed)
        ),
        evidence=_evidence(settings, sample, outcomes, found),
    )


def _draws(sample: Sample, found: Certified, smoothing: Smoothing, seed: int) -> torch.Tensor:
    """Further draws of one image, float32 (n, C, H, W): of a certified one where there is any."""
    image = sample.x[int(found.radii.argmax())].cpu()
    noise = next(noise_blocks(image[None], smoothing.sigma, TOGETHER, seed=seed, purpose="check"))
    return (image.double() + noise).float()


def _evidence(
    settings: SmoothedSettings, sample: Sample, outcomes: Outcomes, found: Certified
) -> CertifiedEvidence:
    labels, certified = outcomes.labels, outcomes.codes == CERTIFIED
    smoothing, eps = settings.smoothing, settings.threat_value().eps
    above = np.linspace(eps, largest_radius(smoothing, len(sample)), _POINTS).round(4).tolist()[1:]
    radii = sorted({eps, *settings.curve, *above})
    return CertifiedEvidence(
        outcomes=outcomes.table(**sample.record),
        per_class=rate_by_class(labels, labels[certified], outcomes.classes),
        smoothed=Smoothed(
            sigma=smoothing.sigma,
            draws=smoothing.n,
            choice=smoothing.n0,
            alpha=smoothing.alpha,
            undecided=int((outcomes.codes == NOT_ATTEMPTED).sum()),
            curve=[
                RadiusPoint(radius=r, certified=float(found.at(r).to(torch.float64).mean()))
                for r in radii
            ],
        ),
    )


def _estimate(settings: SmoothedSettings, pace: Pace) -> float:
    draws = settings.n0 + settings.n
    return settings.expected_images(pace) * draws * pace.seconds / 2


CERTIFIED_L2 = Measure(certified_l2, SmoothedSettings, families.CERTIFIED, _estimate, weights=True)
