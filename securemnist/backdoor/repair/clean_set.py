"""The clean images of a repair, which share no image with the test split."""

from __future__ import annotations

import torch

from securemnist._util.random_numbers import generator
from securemnist.data import DataSet, Samples
from securemnist.errors import UsageError

LEAST = 50


def clean_set(data: DataSet, count: int, *, seed: int) -> Samples:
    """`count` images of the tuning split, and of the training split where it has too few.

    They are drawn at random by the seed. Copies of test images are left out. UsageError for fewer than
    50 images, or where the data have too few.
    """
    if count < LEAST:
        raise UsageError(f"expected at least {LEAST} clean images, got {count}; raise --images")
    rng = generator(seed, "clean images")
    known = set(data.test.contents)
    found: list[Samples] = []
    for split in (data.tuning, data.train):
        left = count - sum(map(len, found))
        drawn = split[torch.randperm(len(split), generator=rng)[: left + left // 10 + 1]]
        fresh = [place for place, content in enumerate(drawn.contents) if content not in known]
        found.append(drawn[torch.tensor(fresh[:left], dtype=torch.long)])
    clean = Samples.joined(found)
    if len(clean) < count:
        raise UsageError(
            f"expected {count:,} clean images that are no test images, got {len(clean):,} in "
            f"{data.name}; lower --images, or name other data with --data"
        )
    return clean
