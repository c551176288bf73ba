"""Recording of a data set: digests and statistics of each split, for a later comparison."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from itertools import combinations

import torch
from torch.nn.functional import adaptive_avg_pool2d

from securemnist.data.dataset import DataSet
from securemnist.data.inspection import splits
from securemnist.data.samples import Samples, as_images
from securemnist.supply_chain.data_record import SCHEMA, ClassRecord, DataRecord, SplitRecord
from securemnist.types import Progress, silent

_PARTS = 4  # rows and columns of the parts whose brightness is recorded
_TONES = 8  # equal ranges of brightness, whose shares of the pixels are recorded
_SIDE = 14  # images are reduced to this size to find the nearest one
_COMPARED = 10_000  # most images of a split whose nearest one is looked for
_ROWS = 500
_DIGITS = 9


def record(data: DataSet, *, neighbours: bool = True, progress: Progress = silent) -> DataRecord:
    """The record of a data set. `neighbours`: whether labels of nearest images are compared.

    That takes seconds; without it no image counts as compared.
    """
    found = {}
    parts = splits(data)
    for number, (name, samples) in enumerate(parts.items()):
        progress("reading data", number, len(parts))
        found[name] = _split(samples, data.spec.classes, neighbours=neighbours)
    progress("reading data", len(parts), len(parts))
    known = {name: set(samples.contents) for name, samples in parts.items()}
    shared = {
        f"{first}, {second}": sum(content in known[second] for content in parts[first].contents)
        for first, second in combinations(parts, 2)
    }
    return DataRecord(
        schema=SCHEMA, name=data.name, files=dict(data.digests), splits=found, shared=shared
    )


def _split(samples: Samples, classes: int, *, neighbours: bool) -> SplitRecord:
    pixels = hashlib.sha256()
    brightness = [torch.zeros(0, _PARTS * _PARTS + _TONES, dtype=torch.float64)]
    for chunk in samples.chunks():
        pixels.update(chunk.contiguous().numpy().data)
        brightness.append(_brightness(as_images(chunk)))
    compared, disagreeing = _disagreement(samples) if neighbours else (0, 0.0)
    repeated, conflicting = _equal(samples)
    return SplitRecord(
        images=len(samples),
        pixels=pixels.hexdigest(),
        labels=hashlib.sha256(samples.labels.numpy().astype("<i8").tobytes()).hexdigest(),
        classes=_classes(torch.cat(brightness), samples.labels, classes),
        repeated=repeated,
        conflicting=conflicting,
        disagreeing=disagreeing,
        compared=compared,
    )


def _brightness(images: torch.Tensor) -> torch.Tensor:
    """For each image (n, C, H, W) the brightness of 16 parts, and the share of pixels of 8 tones."""
    parts = adaptive_avg_pool2d(images.mean(1, keepdim=True), _PARTS).flatten(1)
    tones = (images * _TONES).clamp_(max=_TONES - 1).to(torch.uint8).flatten(1)
    shares = [(tones == tone).float().mean(1, keepdim=True) for tone in range(_TONES)]
    return torch.cat([parts, *shares], dim=1).double()


def _classes(brightness: torch.Tensor, labels: torch.Tensor, classes: int) -> list[ClassRecord]:
    """The images of each class, from the brightness (n, 24) of their parts and tones."""
    records = []
    for label in range(classes):
        rows = brightness[labels == label]
        spread = rows.std(0) if len(rows) > 1 else torch.zeros(rows.shape[1])
        mean = rows.mean(0) if len(rows) else rows.new_zeros(0)
        records.append(
            ClassRecord(
                n=len(rows),
                mean=[round(value, _DIGITS) for value in mean.tolist()],
                deviation=[round(value, _DIGITS) for value in spread.tolist()] if len(rows) else [],
            )
        )
    return records


def _equal(samples: Samples) -> tuple[int, int]:
    """Images that are also at an earlier place, and those that an equal one has another label than."""
    contents = samples.contents
    labels: dict[bytes, set[int]] = defaultdict(set)
    for content, label in zip(contents, samples.labels.tolist(), strict=True):
        labels[content].add(label)
    several = {content for content, known in labels.items() if len(known) > 1}
    counts = Counter(contents)
    return len(contents) - len(counts), sum(counts[content] for content in several)


def _disagreement(samples: Samples) -> tuple[int, float]:
    """How many images were compared, and the share whose nearest other image has another label.

    Of a larger split evenly spaced images. The distance is the Euclidean one of reduced images.
    """
    chosen = samples.spread(_COMPARED)
    if len(chosen) < 2:
        return 0, 0.0
    height, width = (min(_SIDE, side) for side in chosen.pixels.shape[2:])
    reduced = [adaptive_avg_pool2d(as_images(chunk), (height, width)) for chunk in chosen.chunks()]
    points = torch.cat(reduced).flatten(1)
    squares = points.square().sum(1)
    wrong = 0
    for start in range(0, len(points), _ROWS):
        part = points[start : start + _ROWS]
        distances = torch.addmm(squares[None], part, points.T, alpha=-2)
        places = torch.arange(len(part))
        distances[places, places + start] = torch.inf
        nearest = distances.argmin(1)
        wrong += int((chosen.labels[nearest] != chosen.labels[start : start + len(part)]).sum())
    return len(points), wrong / len(points)
