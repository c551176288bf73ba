"""Certificates and answers of the smoothed classifier, which abstains where the draws do not decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from securemnist.models.predictions import is_wrong
from securemnist.smoothing.bounds import Smoothing, alpha_of_image, certified_radius, needed_hits
from securemnist.smoothing.draws import logits_of, noise_blocks
from securemnist.types import Images, Labels, Model, Progress, silent

ABSTAIN = -1


@dataclass(frozen=True)
class Certified:
    """`classes` int64 (n,): the most frequent class of the n0 draws.

    `radii` float64 (n,): the certified L2 radius of the true class; 0 where there is none. `stopped`
    bool (n,): images that could no longer reach the smallest radius of interest, after fewer draws.
    """

    classes: Labels
    radii: torch.Tensor
    stopped: torch.Tensor

    def at(self, eps: float) -> torch.Tensor:
        """Boolean (n,): images whose true class is certified within L2 `eps`; 0: at the image itself."""
        return (self.radii >= eps) & (self.radii > 0)


def certify(
    model: Model,
    x: Images,
    y: Labels,
    smoothing: Smoothing,
    *,
    seed: int,
    least: float = 0.0,
    device: str = "cpu",
    progress: Progress = silent,
) -> Certified:
    """Certificates of images float32 (n, C, H, W) in [0, 1] with true classes int64 (n,).

    All certificates hold together with a probability of at least 1 - alpha. Algorithm CERTIFY of Cohen
    et al. 2019 (arXiv 1902.02918) for the true class, with alpha / n for each image. An image with
    another most frequent class, or that cannot reach the radius `least` any more, gets no further
    draws and the radius 0. A draw whose logits tie or are not finite counts against the class.
    """
    x, y = x.cpu(), y.cpu()
    classes = _most_frequent(model, x, smoothing, seed, device, progress)
    allowed = smoothing.n - needed_hits(least, smoothing, len(x))  # misses of a certified image
    misses = torch.zeros(len(x), dtype=torch.long)
    stopped = (classes != y) | (allowed < 0)
    done = 0
    for noise in noise_blocks(x, smoothing.sigma, smoothing.n, seed=seed, purpose="estimate"):
        for index in (~stopped).nonzero().flatten().tolist():
            labels = y[index].expand(len(noise)).to(device)
            misses[index] += int(is_wrong(logits_of(model, x[index], noise, device), labels).sum())
        stopped |= misses > allowed
        done += len(noise)
        progress("smoothing", done, smoothing.n)
        if bool(stopped.all()):
            break
    hits = (smoothing.n - misses).tolist()
    found = [
        0.0 if stop else certified_radius(count, smoothing, len(x))
        for count, stop in zip(hits, stopped.tolist(), strict=True)
    ]
    return Certified(classes, torch.tensor(found, dtype=torch.float64), stopped)


def _most_frequent(
    model: Model, x: Images, smoothing: Smoothing, seed: int, device: str, progress: Progress
) -> Labels:
    """The most frequent class (n,) of n0 draws, which are not used again."""
    blocks = list(noise_blocks(x, smoothing.sigma, smoothing.n0, seed=seed, purpose="choice"))
    classes = torch.zeros(len(x), dtype=torch.long)
    for index in range(len(x)):
        read = [logits_of(model, x[index], noise, device).argmax(1).cpu() for noise in blocks]
        classes[index] = torch.cat(read).bincount().argmax()
        progress("choice of classes", index + 1, len(x))
    return classes


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
