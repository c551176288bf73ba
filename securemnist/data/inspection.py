"""Inspection of a data set: images a class, warnings, and a grid of images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn.functional import interpolate

from securemnist.data.dataset import DataSet
from securemnist.data.samples import Samples, as_images
from securemnist.view import png

_ROWS, _COLUMNS = 20, 10  # classes, and images of each
_SIDE = 96  # the longer side of a tile, in pixels
_GAP = 2
# Two of 255 levels; below it floats were probably scaled twice. Bytes are above it unless all are black.
_DARK = 2 / 255


@dataclass(frozen=True)
class ClassCount:
    """Images of one class in each split."""

    label: int
    test: int
    tuning: int
    training: int


def splits(data: DataSet) -> dict[str, Samples]:
    """The splits by name; a split may be empty."""
    return {"test": data.test, "tuning": data.tuning, "training": data.train}


def class_counts(data: DataSet) -> list[ClassCount]:
    """The images of each class, by label."""
    k = data.spec.classes
    counts = [torch.bincount(part.labels, minlength=k).tolist() for part in splits(data).values()]
    return [
        ClassCount(label, *of_class) for label, of_class in enumerate(zip(*counts, strict=True))
    ]


def warnings(data: DataSet) -> Iterator[str]:
    """What a user should know before measuring on this data; a sentence each."""
    counts = class_counts(data)
    used = 1 + max(each.label for each in counts if each.test or each.tuning or each.training)
    if used < len(counts) and not data.spec.class_names:
        yield (
            f"all labels are below {used}, and grey 28x28 images have ten classes, like MNIST; for fewer "
            "give `class_names` in a description (docs/data.md)"
        )
    for split in ("test", "tuning", "training"):
        empty = [data.spec.name_of(each.label) for each in counts if not getattr(each, split)]
        if empty and len(splits(data)[split]):
            from_one = not data.spec.class_names and empty == ["0"]
            yield (
                f"the {split} split has no image of {len(empty):,} of {len(counts):,} classes, for "
                f"instance {empty[0]}{'; if your labels start at 1, subtract 1' if from_one else ''}"
            )
    for split, samples in splits(data).items():
        if len(samples) and (brightest := samples.pixels.max().item()) < _DARK:
            yield (
                f"no value of the {split} images is above {brightest:.2g} of 0 to 1; if they were "
                "divided by 255 twice, divide once"
            )
    if not len(data.tuning):
        yield (
            "without a tuning split `init` measures on the test images, so its thresholds need a "
            "review; add training images"
        )


def grid(data: DataSet) -> bytes:
    """A PNG file: a row of at most 10 test images for each of the 20 smallest classes, by label.

    Images are in file order, larger ones reduced. Of 2 or 4 channels the first, or the first three, are
    shown.
    """
    smallest = sorted(class_counts(data), key=lambda each: (each.test, each.label))
    labels = sorted([each.label for each in smallest if each.test][:_ROWS])
    rows = [_row(data.test, label) for label in labels]
    sheet = torch.cat(rows, dim=1).permute(1, 2, 0).contiguous()
    _, width, channels = sheet.shape
    return png.picture(sheet.numpy().tobytes(), width=width, colour=channels == 3)


def _row(samples: Samples, label: int) -> torch.Tensor:
    """Tiles of one class beside each other, uint8 (1 or 3, height, width), white where there is none."""
    places = (samples.labels == label).nonzero().squeeze(1)[:_COLUMNS]
    images = as_images(samples.pixels[places])
    images = images[:, : 3 if images.shape[1] > 2 else 1]
    longest = max(images.shape[2:])
    if longest > _SIDE:
        size = [max(1, side * _SIDE // longest) for side in images.shape[2:]]
        images = interpolate(images, size=size, mode="area")
    tiles = (images * 255).round().to(torch.uint8)
    count, channels, height, width = tiles.shape
    row = torch.full((channels, height + _GAP, _COLUMNS * (width + _GAP)), 255, dtype=torch.uint8)
    for column in range(count):
        left = column * (width + _GAP)
        row[:, :height, left : left + width] = tiles[column]
    return row
