"""Detection of images that are none of the task, by the model's confidence.

A baseline of Hendrycks and Gimpel 2017 (arXiv 1610.02136): the largest probability, or the largest logit
(Hendrycks et al. 2022, arXiv 1911.11132). The images are those of another data set, or made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import field_validator

from securemnist.data.thumbnail import thumbnail
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts.batch_dependence import TOGETHER
from securemnist.measures.base import (
    AnswerSettings,
    Measure,
    answer_seconds,
    bad_share,
    interval_measurement,
    unreliable_reason,
)
from securemnist.measures.endpoints import check_exact_answers
from securemnist.measures.inputs import other_data
from securemnist.measures.outlier_images import MADE, made, of_data
from securemnist.results.evidence.natural import OutlierEvidence
from securemnist.results.families import NATURAL
from securemnist.results.findings import Measurement
from securemnist.results.intervals import area_interval, share_interval
from securemnist.results.value_types import QUANTILES
from securemnist.types import Images, Logits

KEPT = 0.95  # share of the test images that a detector lets pass


class OutlierSettings(AnswerSettings):
    """`against`: the images that are none of the task; `score`: what separates them.

    "uniform": random values; "noise": normal noise with the mean and deviation of the sample; "turned":
    the sample turned by a quarter; "mirrored": left and right exchanged; "mosaic": quarters of four
    samples; "shuffled": the sample with its pixels in random order. Or the path of another data set in
    the same form, as `data` in the settings of the project: its test split.
    """

    against: str = "uniform"
    score: Literal["probability", "logit"] = "probability"

    @field_validator("against")
    @classmethod
    def _made_or_a_path(cls, against: str) -> str:
        if against not in MADE and not ("/" in against or Path(against).suffix):
            raise ValueError(
                f"expected {', '.join(MADE)} or a path like data/letters, got {against!r:.60}; fix "
                "`against`"
            )
        return against

    @property
    def answers_an_image(self) -> int:
        """Questions to the model about each image, at most."""
        return 2

    def inputs(self, context: Context) -> dict[str, str]:
        """The test split of the other data set, and what every row of images names."""
        named = super().inputs(context)
        if self.against not in MADE:
            named[self.against] = other_data(context, self.against).digest
        return named


@dataclass(frozen=True)
class _Scores:
    """Scores (n,) of test images and (n,) of others; higher is more like the task.

    `asked`: some of the others, and their logits.
    """

    inside: np.ndarray
    outside: np.ndarray
    evidence: OutlierEvidence
    asked: tuple[Images, Logits]


def outlier_auroc(context: Context, settings: OutlierSettings, seed: int) -> Measurement:
    """Probability that a test image scores higher than an image that is none of the task.

    A tie counts half. The interval is Newcombe's of 2006, method 5; its bound decides.
    """
    scores = _scores(context, settings, seed)
    area = auroc(scores.inside, scores.outside)
    interval = area_interval(area, len(scores.inside), len(scores.outside))
    return _measurement(context, settings, scores, area, interval)


def outlier_false_positives(context: Context, settings: OutlierSettings, seed: int) -> Measurement:
    """Share of images that are none of the task and pass where 95 % of the test images do.

    The interval covers the limit of the score, too; its bound decides.
    """
    scores = _scores(context, settings, seed)
    n = len(scores.inside)
    ordered = np.sort(scores.inside)
    kept = round(KEPT * n)
    passed = _passed(scores, float(ordered[n - kept]))
    fewest, most = share_interval(kept, n)
    loose = _passed(scores, float(ordered[max(0, n - int(np.ceil(most * n)))]))
    strict = _passed(scores, float(ordered[min(n - 1, n - int(np.floor(fewest * n)))]))
    others = len(scores.outside)
    interval = share_interval(strict, others)[0], share_interval(loose, others)[1]
    return _measurement(context, settings, scores, passed / others, interval)


def _passed(scores: _Scores, limit: float) -> int:
    return int((scores.outside >= limit).sum())


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """Area under the curve of true over false positives; equal scores count half."""
    ordered = np.sort(outside)
    below, up_to = (np.searchsorted(ordered, inside, side) for side in ("left", "right"))
    return float((below + up_to).mean() / (2 * len(outside)))


def quantiles(scores: np.ndarray) -> list[float]:
    """The quantiles of scores (n,) that evidence stores, ascending."""
    found: list[float] = np.quantile(scores, np.linspace(0, 1, QUANTILES)).tolist()
    return found


def _measurement(
    context: Context,
    settings: OutlierSettings,
    scores: _Scores,
    value: float,
    interval: tuple[float, float],
) -> Measurement:
    return interval_measurement(
        value,
        interval,
        len(scores.inside),
        complete=False,  # the other images are drawn
        evidence=scores.evidence,
        inconclusive=unreliable_reason(context, settings, *scores.asked),
    )


def _scores(context: Context, settings: OutlierSettings, seed: int) -> _Scores:
    """The scores of both kinds of images; NotApplicable for an endpoint."""
    check_exact_answers(context, "scores")
    sample = context.sample(settings.images, seed)
    if settings.against in MADE:
        others = made(settings.against, sample, seed)
    else:
        others = of_data(context, settings.against, len(sample), seed)
    inside = _score(context.clean_logits(sample), settings.score)
    answered = context.logits(others).cpu()
    outside = _score(answered, settings.score)
    evidence = OutlierEvidence(
        against=settings.against if settings.against in MADE else Path(settings.against).name,
        inside=quantiles(inside),
        outside=quantiles(outside),
        examples=[thumbnail(image) for image in others[:6]],
    )
    return _Scores(inside, outside, evidence, (others[:TOGETHER], answered[:TOGETHER]))


def _score(logits: Logits, kind: str) -> np.ndarray:
    """Scores float64 (n,); the log odds stand for the largest probability, which rounds to 1."""
    logits = logits.double()
    if kind == "logit":
        return logits.amax(1).numpy()
    best, place = logits.max(1, keepdim=True)
    rest = logits.scatter(1, place, -torch.inf).logsumexp(1)
    return (best.squeeze(1) - rest).numpy()


OUTLIER_AUROC = Measure(outlier_auroc, OutlierSettings, NATURAL, answer_seconds, limits=(0.5, 1.0))
OUTLIER_FALSE_POSITIVES = bad_share(
    outlier_false_positives, OutlierSettings, NATURAL, answer_seconds
)
