"""Membership inference: whether the model's scores tell images of its training from others.

Images of training are answered with more confidence (Yeom et al. 2018, arXiv 1709.01604), or, where a
loss asks for a certain score, with scores that differ less. An easy image
has a high score anyway. So the score is also compared with that of reference networks, which were
trained without the image (Watson et al. 2022, arXiv 2111.08440).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from securemnist._util.random_numbers import generator
from securemnist.data import Samples
from securemnist.errors import Inconclusive
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts.batch_dependence import TOGETHER
from securemnist.evaluation.mean_model import MEAN_DRAWS
from securemnist.evaluation.pace import Pace
from securemnist.measures.base import (
    AnswerSettings,
    ImageCount,
    Measure,
    answer_seconds,
    interval_measurement,
    unreliable_reason,
)
from securemnist.measures.endpoints import check_exact_answers
from securemnist.measures.membership_hidden import hidden_reason
from securemnist.measures.membership_references import (
    TAKEN,
    label_margins,
    reference_answers,
)
from securemnist.measures.membership_scores import by_all_scores, excess, normal
from securemnist.measures.outliers import auroc, quantiles
from securemnist.results.evidence.privacy import MembershipEvidence
from securemnist.results.families import PRIVACY
from securemnist.results.findings import Measurement
from securemnist.results.intervals import area_interval
from securemnist.sanitize import line
from securemnist.types import Logits

# Images a side. Of fewer, the strongest of four attacks is above its interval by chance too often.
FEWEST = 30
REFERENCE_IMAGES = 5_000  # at most, to train a reference network on
_ACCUSED = 0.01  # share of the test images that are wrongly taken for images of training
_ALL = "all scores"


class MembershipSettings(AnswerSettings):
    """`images`: of training, and as many test images; at most half of all training images.

    `references`: networks that are trained for comparison, on other training images; 0 for none.
    """

    images: ImageCount | None = 5_000
    references: Annotated[int, Field(ge=0, le=64)] = 1

    @property
    def answers_an_image(self) -> int:
        """Questions to the model for each image of training: that image, a test image, and another."""
        return 3 * (MEAN_DRAWS if self.randomised else 1)


def membership_auroc(context: Context, settings: MembershipSettings, seed: int) -> Measurement:
    """Probability that scores tell an image of training from a test image; 0.5 is chance.

    The area under the ROC curve of the strongest of four attacks. The first takes the margin of the
    label, the second how near it is to the usual one of training images. The third learns a rule for all
    scores, and counts less what the rule finds for reference networks. The fourth takes what the margin
    exceeds theirs by. Of equal training images one is used, so that no reference knows a measured one.
    An area below 0.5 counts as one so far above it, since an attacker may turn the scores around. The
    interval is Newcombe's of 2006, method 5; its bound decides.

    A randomised model is asked eight times about each image, as an attacker may ask again.

    Inconclusive with fewer than 30 images a side, and where the manifest of the model names other
    training data. So it is where scores are rounded, or unlike those of the references. NotApplicable
    for an endpoint.
    """
    check_exact_answers(context, "scores")
    train = context.data.train
    rng = generator(seed, "membership")
    order = without_copies(train, torch.randperm(len(train), generator=rng))
    n = min(settings.images or len(train), len(order) // 2, len(context.data.test))
    if n < FEWEST:
        raise Inconclusive(
            f"expected at least {FEWEST} training images, as many others and as many test images, got "
            f"{n}; raise `images`, or add data (docs/data.md)"
        )
    measured = Samples.joined([train[order[:n]], context.sample(n, seed).samples])
    others = train[order[n : n + REFERENCE_IMAGES]]
    logits, known = (_answered(context, one, settings) for one in (measured, others))
    margins = label_margins(logits, measured.labels)
    usual = np.median(label_margins(known, others.labels))
    pairs = (logits, measured.labels), (known, others.labels)
    attacks = {
        "margin": margins,
        "near the usual margin": -np.abs(margins - usual),
        _ALL: by_all_scores(*pairs, n),
    }
    unaware = easy = None
    if settings.references:
        easy, answered = reference_answers(
            context.data,
            others,
            measured,
            count=settings.references,
            seed=seed,
            progress=context.progress,
        )
        attacks["beside reference networks"] = beyond(margins, easy)
        unaware = by_all_scores(*pairs, n, answered)
    areas = {name: auroc(scores[:n], scores[n:]) for name, scores in attacks.items()}
    areas[_ALL] = excess(attacks[_ALL], unaware, n)
    known_side = min(n, TOGETHER)
    reason = unreliable_reason(
        context, settings, measured[:known_side].images(), logits[:known_side]
    )
    reason = _other_data(context) or reason or hidden_reason(margins, easy, n)
    return _measurement(attacks, areas, reason)


def _answered(context: Context, samples: Samples, settings: MembershipSettings) -> Logits:
    """Logits (n, K) of the samples; the mean of several answers of a randomised model."""
    draws = MEAN_DRAWS if settings.randomised else 1
    answers = context.logits_of(samples)
    for _ in range(draws - 1):
        answers = answers + context.logits_of(samples)
    return answers / draws


def without_copies(samples: Samples, order: torch.Tensor) -> torch.Tensor:
    """The places of an order (n,), without images that are equal to one at an earlier place."""
    contents = samples.contents
    first: dict[bytes, int] = {}
    for place in order.tolist():
        first.setdefault(contents[place], place)
    return torch.tensor(list(first.values()), dtype=torch.long)


def _measurement(
    attacks: dict[str, np.ndarray], areas: dict[str, float], inconclusive: str
) -> Measurement:
    """The measurement of the strongest attack; each has scores (2n,), those of training images first."""
    strongest = max(areas, key=lambda name: abs(areas[name] - 0.5))
    area, scores = areas[strongest], attacks[strongest]
    n = len(scores) // 2
    if area < 0.5:
        area, scores = 1 - area, -scores
    low, high = area_interval(area, n, n)
    inside, outside = scores[:n], scores[n:]
    accused = float(np.quantile(outside, 1 - _ACCUSED, method="higher"))
    evidence = MembershipEvidence(
        attack=strongest,
        areas=areas,
        found=float((inside > accused).mean()),
        inside=quantiles(inside),
        outside=quantiles(outside),
    )
    return interval_measurement(
        area,
        (max(0.5, low), high),
        n,
        complete=False,  # both sides are samples of all images
        evidence=evidence,
        inconclusive=inconclusive,
    )


def _other_data(context: Context) -> str:
    """Why the training images are not those of the model, by its manifest; empty where they may be."""
    named, ours = context.subject.trained_on.get("digests", {}), context.data.digests
    if all(ours.get(name, digest) == digest for name, digest in named.items()):
        return ""
    name = line(context.subject.trained_on["name"], 40)
    return f"the model was trained on other data ({name}), by its manifest; measure it on those"


def beyond(scores: np.ndarray, easy: np.ndarray) -> np.ndarray:
    """What scores (n,) exceed those by which they follow from how `easy` (n,) an image is.

    Both become normal quantiles of their ranks, so that no scale of the logits counts. The result is the
    residual of a line.
    """
    scores, easy = normal(scores), normal(easy)
    variance = float((easy**2).mean())
    slope = float((easy * scores).mean()) / variance if variance else 0.0
    return scores - slope * easy


def _estimate(settings: MembershipSettings, pace: Pace) -> float:
    """Training a reference network takes a pass of network A for each image that it sees."""
    trained_for = settings.references * TAKEN * Pace().seconds
    return answer_seconds(settings, pace) + trained_for


MEMBERSHIP_AUROC = Measure(
    membership_auroc, MembershipSettings, PRIVACY, _estimate, "at_most", limits=(0.5, 1.0)
)
