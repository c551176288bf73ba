"""Random changes of images, and logits of the incremental pass beside those of the model."""

from __future__ import annotations

import torch
from torch import nn

from securemnist.incremental import IncrementalForward, Rectangle

IMAGES = 5


def check(
    model: nn.Module,
    shape: tuple[int, int, int],
    seed: int,
    changes: int = 12,
    rtol: float = 1e-4,
) -> None:
    """Random changes of rectangles, some of them kept, and some images left out."""
    rng = torch.Generator().manual_seed(seed)
    images = torch.rand(IMAGES, *shape, generator=rng)
    forward = IncrementalForward.of(model, images)
    assert forward is not None
    with torch.no_grad():
        torch.testing.assert_close(
            forward.begin(images.clone()), model(images), rtol=rtol, atol=1e-5
        )
        for step in range(changes):
            square = rectangle(shape, rng)
            values = torch.rand(square.part(images).shape, generator=rng)
            logits = forward.change(square, values)
            expected = images.clone()
            square.part(expected).copy_(values)
            assert torch.equal(forward.candidates, expected)
            torch.testing.assert_close(logits, model(expected), rtol=rtol, atol=1e-5)
            kept = torch.rand(len(images), generator=rng) < 0.5
            forward.keep(kept)
            images[kept] = expected[kept]
            assert torch.equal(forward.images, images)
            if step == changes // 2:
                stay = torch.arange(len(images)) != 1
                forward.select(stay)
                images = images[stay]


def rectangle(shape: tuple[int, int, int], rng: torch.Generator) -> Rectangle:
    """A random rectangle of an image."""

    def span(size: int) -> tuple[int, int]:
        low, high = torch.randint(size, (2,), generator=rng).sort().values.tolist()
        return low, high + 1

    return Rectangle(*span(shape[1]), *span(shape[2]))
