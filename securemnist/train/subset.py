"""A part of the training images, which a run of another size does not mistake for its own."""

from __future__ import annotations

import dataclasses

from securemnist.data import DataSet
from securemnist.errors import UsageError


def first_images(data: DataSet, count: int) -> DataSet:
    """The data with the first `count` training images only; name and digests state the number.

    UsageError for a count below 1 or above the number of training images.
    """
    total = len(data.train)
    if not 1 <= count <= total:
        raise UsageError(
            f"expected 1 to {total:,} training images of {data.name}, got {count:,}; change the number"
        )
    if count == total:
        return data
    part = f"the first {count:,} of {total:,}"
    return dataclasses.replace(
        data,
        name=f"{data.name}, {part} training images",
        train=data.train[:count],
        digests={**data.digests, "training images": part},
    )
