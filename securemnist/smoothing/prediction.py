"""Answers of the smoothed classifier, which abstains where the draws do not decide."""

from __future__ import annotations

from typing import Any

import torch

from securemnist.smoothing.bounds import Smoothing, alpha_of_image
from securemnist.smoothing.draws import logits_of, noise_blocks
from securemnist.types import Images, Labels, Model

ABSTAIN = -1


def predict(
    model: Model, x: Images, smoothing: Smoothing, *, seed: int, device: str = "cpu"
) -> Labels:
    """Classes int64 (n,) of images float32 (n, C, H, W), or ABSTAIN.

    A class is answered where it is the smoothed classifier's, with a probability of at least 1 - alpha
    for all images together: algorithm PREDICT of Cohen et al. 2019 (arXiv 1902.02918), a two-sided
    test of the two most frequent classes of n draws. A draw with tied logits counts for each class.
    """
    x = x.cpu()
    alpha = alpha_of_image(smoothing, len(x))
    counts: list[Any] = [0] * len(x)
    for noise in noise_blocks(x, smoothing.sigma, smoothing.n, seed=seed, purpose="prediction"):
        for index in range(len(x)):
            logits = logits_of(model, x[index], noise, device)
            highest = logits == logits.amax(1, keepdim=True)
            counts[index] += highest.sum(0).cpu()
    return torch.tensor([_decided(count, alpha) for count in counts], dtype=torch.long)


def _decided(counts: torch.Tensor, alpha: float) -> int:
    """The first class where it is more frequent than the second, by the binomial test; else ABSTAIN."""
    from scipy.special import bdtrc

    (first, second), (best, _) = (part.tolist() for part in counts.topk(2))
    # The probability of at least this many of the draws, if both classes were equally frequent.
    one_sided = float(bdtrc(first - 1, first + second, 0.5)) if first else 1.0
    return int(best) if 2 * one_sided <= alpha else ABSTAIN
