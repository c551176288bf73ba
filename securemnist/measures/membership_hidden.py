"""Scores that were changed so that they tell little, whatever the model has memorised.

Rounded scores, classes alone and noise that keeps the class hide members from attacks by scores. Attacks
by labels under changed images find them (Choquette-Choo et al. 2021, arXiv 2007.14321). So a low area is
no merit of such a model.
"""

from __future__ import annotations

import math

import numpy as np

from securemnist.measures.membership_scores import normal

# Share of equal margins among pairs of a training and a test image: half of it may be missing from the
# area. Networks that round nothing have 0, the table in docs/privacy.md shows others.
_TIED = 0.05
_ERRORS = 2.33  # standard errors of a correlation above 0: one-sided 99 %


def hidden_reason(margins: np.ndarray, easy: np.ndarray | None, n: int) -> str:
    """Why margins (2n,), those of training images first, tell less than the model knows; "" otherwise.

    `easy` (2n,): margins of reference networks; None without any. An image that they find hard has a
    lower margin in an honest network, too.
    """
    tied = tied_share(margins[:n], margins[n:])
    if tied > _TIED:
        return (
            "expected scores that differ from image to image, got equal margins for "
            f"{tied:.0%} of all pairs of a training and a test image, as by rounded scores; measure the "
            "model without what rounds or hides its scores"
        )
    right = margins[n:] > 0
    if easy is None or _related(margins[n:][right], easy[n:][right]):
        return ""
    return (
        "expected lower scores for images that reference networks find hard, got no such relation on "
        f"{int(right.sum()):,} test images, as by noise on the scores; measure the model without it, or "
        "raise `images` or `references`"
    )


def tied_share(inside: np.ndarray, outside: np.ndarray) -> float:
    """The share of pairs (a value of `inside`, a value of `outside`) that are equal."""
    ordered = np.sort(outside)
    below, up_to = (np.searchsorted(ordered, inside, side) for side in ("left", "right"))
    return float((up_to - below).mean() / len(outside))


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """The correlation in [-1, 1] of the normal quantiles of the ranks of both (m,); 0 of equal values."""
    if not len(first):
        return 0.0
    first, second = normal(first), normal(second)
    spread = math.sqrt(float((first**2).mean() * (second**2).mean()))
    return float((first * second).mean()) / spread if spread else 0.0


def _related(margins: np.ndarray, easy: np.ndarray) -> bool:
    """Whether the ranks of both (m,) are related more than by chance."""
    return rank_correlation(margins, easy) * math.sqrt(len(margins)) > _ERRORS
