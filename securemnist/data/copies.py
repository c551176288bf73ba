"""Copies: images of the test split that are also in another split, or in it twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from securemnist.data.samples import Samples


@dataclass(frozen=True)
class Copies:
    """Numbers of copies among `n` test images: copies of training images, and of other test images."""

    of_training: int
    repeated: int
    n: int

    def __str__(self) -> str:
        """Both counts in one sentence; empty without copies."""
        counts = []
        if self.of_training:
            counts.append(f"{self.of_training:,} copies of training images")
        if self.repeated:
            counts.append(f"{self.repeated:,} copies of other test images")
        return f"{' and '.join(counts)} among {self.n:,} test images" if counts else ""


def copies_among(test: Samples, others: Iterable[Samples]) -> Copies:
    """Copies among test images, by equal pixels; a split that is `test` itself is excluded."""
    known = {content for split in others if split is not test for content in split.contents}
    contents = test.contents
    found = sum(content in known for content in contents)
    return Copies(found, len(contents) - len(set(contents)), len(contents))
