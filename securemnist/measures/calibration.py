"""Calibration error: how far the model's confidence lies from its accuracy.

Expected calibration error in bins of equal mass (Guo et al. 2017, arXiv 1706.04599; Nixon et al. 2019,
arXiv 1904.01685), or the Brier score (Brier 1950).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import Field

from securemnist._util.hashing import seed_from
from securemnist.evaluation.context import Context
from securemnist.evaluation.pace import Pace
from securemnist.measures.base import (
    AnswerSettings,
    answer_seconds,
    bad_share,
    interval_measurement,
    unreliable_reason,
)
from securemnist.measures.endpoints import check_exact_answers
from securemnist.models.predictions import is_wrong
from securemnist.models.probabilities import probabilities_of
from securemnist.results.evidence.natural import CalibrationBin, CalibrationEvidence
from securemnist.results.families import NATURAL
from securemnist.results.findings import Measurement
from securemnist.types import Labels, Logits

_RESAMPLES = 1_000
_SECONDS = 0.5  # of the resamples


class CalibrationSettings(AnswerSettings):
    """`score`: "ece", the expected calibration error in `bins` of equal mass, or "brier".

    The Brier score is half of the squared distance of the probabilities from the label, in [0, 1].
    """

    score: Literal["ece", "brier"] = "ece"
    bins: int = Field(default=15, ge=2, le=100)


def calibration_error(context: Context, settings: CalibrationSettings, seed: int) -> Measurement:
    """The calibration error in [0, 1], with a bootstrap interval over images; 0 is best.

    The error of resamples is larger than that of the sample. So the upper end is an upper bound, and
    the lower end is reflected at the value. NotApplicable for an endpoint, whose confidences may be
    rounded or left out.
    """
    check_exact_answers(context, "confidences")
    sample = context.sample(settings.images, seed)
    confidence, right, brier = _by_image(
        context.clean_logits(sample).double(), sample.samples.labels
    )
    n = len(right)

    def score(places: np.ndarray) -> float:
        if settings.score == "brier":
            return float(brier[places].mean())
        return expected_error(confidence[places], right[places], settings.bins)

    rng = np.random.default_rng(seed_from(seed, "calibration"))
    resamples = [score(rng.integers(n, size=n)) for _ in range(_RESAMPLES)]
    value = score(np.arange(n))
    high = max(float(np.quantile(resamples, 0.975)), value)
    return interval_measurement(
        value,
        (max(0.0, 2 * value - high), min(1.0, high)),
        n,
        complete=sample.complete and not settings.randomised,
        evidence=CalibrationEvidence(
            reliability=[
                CalibrationBin(confidence=float(c), accuracy=float(a), n=int(k))
                for c, a, k in _bins(confidence, right, settings.bins)
            ],
            ece=expected_error(confidence, right, settings.bins),
            brier=float(brier.mean()),
        ),
        inconclusive=unreliable_reason(context, settings),
    )


def _by_image(logits: Logits, labels: Labels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence, whether the prediction is right (0 or 1) and Brier score of each image, (n,)."""
    probabilities = probabilities_of(logits)
    right = (~is_wrong(logits, labels)).numpy().astype(float)
    onehot = torch.nn.functional.one_hot(labels, logits.shape[1])
    brier = ((probabilities - onehot) ** 2).sum(1).numpy() / 2
    return probabilities.amax(1).numpy(), right, brier


def expected_error(confidence: np.ndarray, right: np.ndarray, bins: int) -> float:
    """Mean distance of confidence and accuracy (n,) over bins of equal mass, weighted by their size."""
    parts = _bins(confidence, right, bins)
    return float(sum(k * abs(c - a) for c, a, k in parts) / len(right))


def _bins(confidence: np.ndarray, right: np.ndarray, bins: int) -> list[tuple[float, float, int]]:
    """Mean confidence, accuracy and size of each bin, by rising confidence.

    Images of equal confidence share a bin, whatever their order.
    """
    levels, place = np.unique(confidence, return_inverse=True)
    sizes = np.bincount(place)
    hits = np.bincount(place, right)
    middle = np.cumsum(sizes) - sizes / 2
    number = np.minimum((middle * bins / len(right)).astype(int), bins - 1)
    size = np.bincount(number, sizes)
    full = size > 0
    means = np.bincount(number, levels * sizes)[full] / size[full]
    shares = np.bincount(number, hits)[full] / size[full]
    return list(zip(means, shares, size[full].astype(int), strict=True))


def _estimate(settings: CalibrationSettings, pace: Pace) -> float:
    return answer_seconds(settings, pace) + _SECONDS


CALIBRATION_ERROR = bad_share(calibration_error, CalibrationSettings, NATURAL, _estimate)
