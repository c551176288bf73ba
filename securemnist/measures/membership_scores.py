"""Membership inference by all scores of a model: what they tell beside the margin of the label.

An attacker who knows some images of the training, and some that are not, learns the difference on them
(Shokri et al. 2017, arXiv 1610.05820). Least squares suffice here: they are exact, and draw nothing.
Such a rule also tells the sources of both sides apart, as writers of digits. So a part of its area is
taken away.
"""

from __future__ import annotations

import numpy as np
import torch

from securemnist.measures.outliers import auroc
from securemnist.results.intervals import area_interval
from securemnist.types import Labels, Logits

# Ridge, as a share of the sum of all weights: strong enough that 100 images do not fit their noise.
_RIDGE = 1e-2
# What sources may explain where no reference was trained: the upper bound for an honest network of
# 2,000 images of MNIST, which knew neither side, was 0.58.
_ALLOWED = 0.08


def by_all_scores(
    measured: tuple[Logits, Labels],
    others: tuple[Logits, Labels],
    n: int,
    applied: Logits | None = None,
) -> np.ndarray:
    """Scores float64 (2n,) of the `measured` images, those of training first, by all logits (2n, K).

    `others` are further images of the training. A rule separates them from one half of the test images,
    and is applied to the other half, and the other way round. So no image is judged by a rule that
    was learned from it. With `applied`, logits (2n, K) of another network for the measured images, the
    same rules judge those.
    """
    logits = torch.cat([measured[0], others[0]]).cpu().double().numpy()
    labels = torch.cat([measured[1], others[1]]).cpu().numpy()
    terms = judgeable = _terms(logits, labels)
    if applied is not None:
        judgeable = _terms(applied.cpu().double().numpy(), labels[: 2 * n])
    half, known = np.arange(n) % 2, np.arange(2 * n, len(labels))
    scores = np.zeros(2 * n)
    for part in (0, 1):
        outside, judged = n + np.flatnonzero(half != part), np.flatnonzero(half == part)
        judged = np.concatenate([judged, n + judged])
        if len(outside):
            weights = _fitted(terms[known], terms[outside])
            # The rules of two halves have scales of their own.
            scores[judged] = normal(judgeable[judged] @ weights)
    return scores


def excess(scores: np.ndarray, unaware: np.ndarray | None, n: int) -> float:
    """The area under the ROC curve of scores (2n,), less what the sources of both sides may explain.

    `unaware` are the scores (2n,) by the same rules of networks that know neither side: the upper bound
    of their area is taken away. Without them a constant is. At least 0.5: a learned rule has its sign.
    """
    allowed = _ALLOWED
    if unaware is not None:
        allowed = max(0.0, area_interval(auroc(unaware[:n], unaware[n:]), n, n)[1] - 0.5)
    return max(0.5, auroc(scores[:n], scores[n:]) - allowed)


def normal(values: np.ndarray) -> np.ndarray:
    """The normal quantiles of the ranks of values (n,); equal values share their middle rank."""
    from scipy.special import ndtri

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / len(values)
    return np.asarray(ndtri(middle[place]))


def _terms(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Terms (m, 66) of a quadratic rule from logits (m, K): a constant, ten features, their products."""
    features = np.stack([normal(one) for one in _features(logits, labels)], 1)
    first, second = np.triu_indices(features.shape[1])
    constant = np.ones((len(features), 1))
    return np.concatenate([constant, features, features[:, first] * features[:, second]], 1)


def _features(logits: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """Numbers of each image (m,): of the label, and of the other classes in the order of their logits.

    Only their ranks count, so that no scale of the logits changes a result.
    """
    rows, classes = np.arange(len(labels)), logits.shape[1]
    label = logits[rows, labels]
    rest = logits[np.arange(classes) != labels[:, None]].reshape(len(labels), classes - 1)
    rest = -np.sort(-rest, 1)
    # With two classes there is one other: differences between others are 0.
    top, second, third = (rest[:, min(k, classes - 2)] for k in range(3))
    last, last_but_one = rest[:, -1], rest[:, max(-2, 1 - classes)]
    scale = float(np.median(logits.std(1))) or 1.0
    odds = np.log(np.exp((rest - top[:, None]) / scale).sum(1)) * scale + top
    return [
        *(label, top, label - top, label - odds, logits.mean(1)),
        *(top - second, second - third, last_but_one - last),
        *(rest.mean(1) - last, rest.std(1)),
    ]


def _fitted(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Weights (t,) of terms that tell images of training from others; both sides count alike."""
    square = 2 * _RIDGE * np.eye(inside.shape[1])
    for terms in (inside, outside):
        square += terms.T @ terms / len(terms)
    return np.asarray(np.linalg.solve(square, inside.mean(0) - outside.mean(0)))
