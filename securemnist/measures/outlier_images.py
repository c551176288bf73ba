"""Images that are none of the task: those of another data set, or made from the sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F

from securemnist._util.random_numbers import generator
from securemnist.errors import DataError, UsageError
from securemnist.evaluation.context import Context, Sample
from securemnist.measures.inputs import other_data
from securemnist.types import Images


def of_data(context: Context, path: str, most: int, seed: int) -> Images:
    """At most `most` test images of the data set at `path`, seen from the project's folder.

    DataError where there is none, or of images of another form; UsageError for the row's own data.
    """
    other = other_data(context, path)
    if other.spec.shape != context.data.spec.shape:
        expected, got = ("x".join(map(str, s.spec.shape)) for s in (context.data, other))
        raise DataError(
            f"{path}: expected images of {expected} (channels, rows, columns), got {got}; convert them, "
            "or set `resize` in the file that describes them (docs/data.md)"
        )
    if other.digest == context.data.digest:
        raise UsageError(
            f"{path}: expected another data set, got the one that is measured; change it"
        )
    rng = generator(seed, "outliers", "data")
    return other.test[torch.randperm(len(other.test), generator=rng)[:most]].images()


def made(against: str, sample: Sample, seed: int) -> Images:
    """As many images as the sample has, in its form, of the kind `against`, a key of MADE."""
    return MADE[against](sample.x.cpu(), generator(seed, "outliers", against))


def _uniform(x: Images, rng: torch.Generator) -> Images:
    return torch.rand(x.shape, generator=rng)


def _noise(x: Images, rng: torch.Generator) -> Images:
    noise = torch.randn(x.shape, generator=rng)
    return (x.mean() + x.std() * noise).clamp(0, 1)


def _turned(x: Images, _: torch.Generator) -> Images:
    turned = torch.rot90(x, 1, (2, 3))
    size = list(x.shape[2:])
    return turned if turned.shape == x.shape else F.interpolate(turned, size)


def _mirrored(x: Images, _: torch.Generator) -> Images:
    return x.flip(3)


def _mosaic(x: Images, rng: torch.Generator) -> Images:
    """Images whose quarters come from four random ones."""
    half = x.shape[2] // 2, x.shape[3] // 2
    result = x.clone()
    for rows in (slice(None, half[0]), slice(half[0], None)):
        for columns in (slice(None, half[1]), slice(half[1], None)):
            order = torch.randperm(len(x), generator=rng)
            result[:, :, rows, columns] = x[order][:, :, rows, columns]
    return result


def _shuffled(x: Images, rng: torch.Generator) -> Images:
    order = torch.rand((len(x), x[0, 0].numel()), generator=rng).argsort(1)
    flat = x.flatten(2)
    return flat.gather(2, order[:, None].expand_as(flat)).view_as(x)


# By the name in `against`: images that are none of the task, from those of the sample.
MADE: Mapping[str, Callable[[Images, torch.Generator], Images]] = {
    "uniform": _uniform,
    "noise": _noise,
    "turned": _turned,
    "mirrored": _mirrored,
    "mosaic": _mosaic,
    "shuffled": _shuffled,
}
