"""Smallest perturbations of a network: their sizes for each kind, and each map of classes.

Of C classes there are C constant maps (all images to one class), and the map of each class to any other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from securemnist._util.hashing import seed_from
from securemnist.backdoor.scan.perturbation import PERTURBATIONS, Perturbation
from securemnist.backdoor.scan.search import Batch, smallest_sizes
from securemnist.types import Images, Labels, Progress, silent

BATCH, STEPS = 16, 120
# Raised with each change that changes sizes: reference scans of another version are refused.
VERSION = 2
# Most values of all images of a step; more maps are searched one part after the other.
MOST_VALUES = 2**24


@dataclass(frozen=True)
class Search:
    """Perturbations of one kind and their sizes float32, one for each map of classes."""

    perturbation: Perturbation
    sizes: torch.Tensor

    @property
    def kind(self) -> str:
        """The kind of the perturbation."""
        return self.perturbation.kind


def class_maps(classes: int) -> torch.Tensor:
    """Whether a class is wanted, boolean (C + 1, C, C): by map, true class and class.

    Maps of all classes to one, and the map of each class to any other.
    """
    same = torch.eye(classes, dtype=torch.bool)
    return torch.cat([same[:, None].expand(-1, classes, -1), ~same[None]])


def search(
    model: nn.Module,
    x: Images,
    y: Labels,
    classes: int,
    *,
    seed: int,
    progress: Progress = silent,
) -> list[Search]:
    """A search of each kind for a model in eval mode, on clean images of at least two classes."""
    found = []
    for place, kind in enumerate(PERTURBATIONS):
        progress(f"search for a {kind.kind}", place, len(PERTURBATIONS))
        rng = torch.Generator().manual_seed(seed_from(seed, "backdoor scan", kind.kind))
        every = search_maps(model, kind, class_maps(classes).repeat(kind.starts, 1, 1), x, y, rng)
        sizes, best = every.sizes.view(kind.starts, -1).min(0)
        places = best * len(sizes) + torch.arange(len(sizes))
        found.append(Search(every.perturbation[places.to(x.device)], sizes))
    return found


def search_maps(
    model: nn.Module,
    kind: type[Perturbation],
    maps: torch.Tensor,
    x: Images,
    y: Labels,
    rng: torch.Generator,
) -> Search:
    """One perturbation of a kind for each of the `maps`, boolean (m, C, C) as in `class_maps`."""
    maps = maps.to(x.device)
    whole = kind(len(maps), (x.shape[1], x.shape[2], x.shape[3]), rng)
    most = max(1, MOST_VALUES // (BATCH * x[0].numel()))
    parts, sizes = [], []
    for places in torch.arange(len(maps)).split(most):
        part = whole[places]
        part.to(x.device)
        batch = _batches(x, y, maps[places.to(x.device)], rng)
        sizes.append(smallest_sizes(model, part, batch, steps=STEPS).cpu())
        parts.append([parameter.detach() for parameter in part.parameters])
    whole.parameters = [torch.cat(same) for same in zip(*parts, strict=True)]
    return Search(whole, torch.cat(sizes))


def _batches(x: Images, y: Labels, maps: torch.Tensor, rng: torch.Generator) -> Batch:
    """Random images for each map, none of a class that it wants."""
    pools = [(~table.diagonal()[y]).nonzero().squeeze(1) for table in maps]

    def batch() -> tuple[Images, torch.Tensor]:
        places = [torch.randint(len(pool), (BATCH,), generator=rng) for pool in pools]
        chosen = torch.stack(
            [pool[place.to(pool.device)] for pool, place in zip(pools, places, strict=True)]
        )
        return x[chosen], torch.stack([table[y[c]] for table, c in zip(maps, chosen, strict=True)])

    return batch
