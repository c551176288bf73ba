"""Certificates of the smoothed classifier; images that the draws do not decide have none."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from securemnist.models.predictions import is_wrong
from securemnist.smoothing.bounds import Smoothing, certified_radius, needed_hits
from securemnist.smoothing.draws import logits_of, noise_blocks
from securemnist.types import Images, Labels, Model, Progress, silent


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
