"""Gaussian draws, and the model's answers to images with them.

The draws of one image are independent of each other; that is what its certificate needs. All images
get the same draws: failure probabilities are added over the images, and a sum of probabilities is
an upper bound for dependent events, too. So an image's certificate does not depend on which other
images are measured, and noise costs little, even in float64.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from securemnist._util.random_numbers import generator
from securemnist.batches import batch_size, channels_last
from securemnist.types import Images, Logits, Model

_BATCH = 128


def noise_blocks(
    x: Images, sigma: float, draws: int, *, seed: int, purpose: str
) -> Iterator[torch.Tensor]:
    """Blocks of noise float64 (b, C, H, W) for images like `x`, `draws` in all, each drawn once.

    `purpose` separates draws: the class must be chosen by others than those that certify it.
    """
    rng = generator(seed, "smoothing", purpose)
    size = batch_size(x, _BATCH)
    for start in range(0, draws, size):
        shape = (min(size, draws - start), *x.shape[1:])
        yield sigma * torch.randn(shape, generator=rng, dtype=torch.float64)


@torch.no_grad()
def logits_of(model: Model, image: torch.Tensor, noise: torch.Tensor, device: str) -> Logits:
    """Logits (b, K) of one image (C, H, W) with each noise; the sum is rounded once, to float32.

    Rounding is then a part of the model, and needs no allowance. Pixels are not clipped to [0, 1].
    """
    noisy = (image.double() + noise).float()
    return model(channels_last(noisy.to(device)))
