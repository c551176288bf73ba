"""The order of rows, columns and channels that a model file expects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from securemnist.input_spec import InputSpec
from securemnist.models.formats.refusal import refused


def layout_of(
    path: Path, sizes: Sequence[int], spec: InputSpec
) -> tuple[tuple[int, int, int], bool]:
    """The shape (C, H, W) of images, and whether the file wants them as (H, W, C).

    `sizes` are the file's three sizes, 0 where it leaves one open, which `spec` then gives. Other sizes
    are kept, because the model contract says what does not fit; WeightsError if one of those is open.
    """
    channels, height, width = spec.shape
    for order, last in ((spec.shape, False), ((height, width, channels), True)):
        if all(size in (0, wanted) for size, wanted in zip(sizes, order, strict=True)):
            return spec.shape, last
    if not all(sizes):
        found = "x".join(str(size or "?") for size in sizes)
        wanted = "x".join(map(str, spec.shape))
        raise refused(path, f"an input for images {wanted}", found, "use data of that shape")
    first, second, third = sizes
    # Channels are the smaller end.
    if third < first:
        return (third, first, second), True
    return (first, second, third), False
