"""Smallest perturbations of a network: their sizes for each kind, and each map of classes.

Of C classes there are C constant maps (all images to one class), and the map of each class to any other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import one_hot

from securemnist._util.random_numbers import generator
from securemnist.backdoor.scan.perturbation import PERTURBATIONS, Perturbation
from securemnist.backdoor.scan.search import Batch, smallest_sizes
from securemnist.types import Images, Labels, Progress, silent

BATCH, STEPS = 16, 120
# Raised with each change that changes sizes: reference scans of another version are refused.
VERSION = 2
# Most values of all images of a step; more maps are searched one part after the other.
MOST_VALUES = 2**24
# The target of the map of each class to any other.
OTHER = -1


@dataclass(frozen=True)
class Search:
    """Perturbations of one kind and their sizes float32, one for each map of classes.

    `finite` boolean: where all outputs and gradients of the search were finite.
    """

    perturbation: Perturbation
    sizes: torch.Tensor
    finite: torch.Tensor

    @property
    def kind(self) -> str:
        """The kind of the perturbation."""
        return self.perturbation.kind


def map_targets(classes: int) -> Labels:
    """The target of each map, int64 (C + 1,): every class, then `OTHER`."""
    return torch.cat([torch.arange(classes), torch.tensor([OTHER])])


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
        progress(f"backdoor scan, {kind.kind}", place, len(PERTURBATIONS))
        rng = generator(seed, "backdoor scan", kind.kind)
        targets = map_targets(classes).repeat(kind.starts)
        every = search_maps(model, kind, targets, classes, x, y, rng)
        sizes, best = every.sizes.view(kind.starts, -1).min(0)
        places = best * len(sizes) + torch.arange(len(sizes))
        finite = every.finite.view(kind.starts, -1).all(0)
        found.append(Search(every.perturbation[places.to(x.device)], sizes, finite))
    return found


def search_maps(
    model: nn.Module,
    kind: type[Perturbation],
    targets: Labels,
    classes: int,
    x: Images,
    y: Labels,
    rng: torch.Generator,
) -> Search:
    """One perturbation of a kind for each map, whose `targets` (m,) are as in `map_targets`."""
    whole = kind(len(targets), (x.shape[1], x.shape[2], x.shape[3]), rng)
    most = max(1, MOST_VALUES // (BATCH * x[0].numel()))
    parts, sizes, finite = [], [], []
    for places in torch.arange(len(targets)).split(most):
        part = whole[places]
        part.to(x.device)
        batch = _batches(x, y, targets[places].to(x.device), classes, rng)
        found = smallest_sizes(model, part, batch, steps=STEPS)
        sizes.append(found[0].cpu())
        finite.append(found[1].cpu())
        parts.append([parameter.detach() for parameter in part.parameters])
    whole.parameters = [torch.cat(same) for same in zip(*parts, strict=True)]
    return Search(whole, torch.cat(sizes), torch.cat(finite))


def _batches(x: Images, y: Labels, targets: Labels, classes: int, rng: torch.Generator) -> Batch:
    """Random images for each map, none of its target class."""
    pools = [(y != target).nonzero().squeeze(1) for target in targets]
    to_other = (targets == OTHER)[:, None, None]
    rows = one_hot(targets.clamp_min(0), classes).bool()[:, None]

    def batch() -> tuple[Images, torch.Tensor]:
        places = [torch.randint(len(pool), (BATCH,), generator=rng) for pool in pools]
        chosen = torch.stack(
            [pool[place.to(pool.device)] for pool, place in zip(pools, places, strict=True)]
        )
        return x[chosen], torch.where(to_other, ~one_hot(y[chosen], classes).bool(), rows)

    return batch
