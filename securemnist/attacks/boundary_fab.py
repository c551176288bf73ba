"""FAB from boundary points: a search along the decision boundary towards the image.

Where gradients near an image are uninformative, a search that starts there fails, whatever its number
of steps. Decision-based attacks start from a misclassified image and follow the boundary (Brendel
et al. 2017, arXiv 1712.04248). With gradients at the boundary this takes few steps (Brendel et al.
2019, arXiv 1907.01003). Here the steps are those of FAB (arXiv 1907.02044).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist.attacks.base import AttackInput, NativeAttack
from securemnist.attacks.fab import FABSearch
from securemnist.attacks.losses import answers
from securemnist.attacks.validation import attack_name, check_counts
from securemnist.batches import batch_size, channels_last
from securemnist.models.predictions import is_wrong, predicted
from securemnist.types import Images, Labels, Model, Progress, per_image

# Pool images of another class tried per sample, the nearest first; steps of the binary search.
_CANDIDATES, _BISECTIONS = 16, 7
# Samples whose boundary points are searched at once.
_BATCH = 32


@final
@dataclass(frozen=True, kw_only=True)
class BoundaryFAB(NativeAttack):
    """`steps` FAB steps from each of the `starts` nearest boundary points.

    Lines lead to the images of `pool`, without one to the images of the call. A point outside the
    threat set is not returned: the candidate is then the image itself.
    """

    steps: int = 50
    starts: int = 3
    uses_pool: ClassVar[bool] = True
    forms: ClassVar[tuple[str, ...]] = ("ball",)

    def __post_init__(self) -> None:
        check_counts(steps=self.steps, starts=self.starts)

    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        pool = inputs.x if inputs.pool is None else inputs.pool.to(inputs.x.device)
        points = boundary_points(inputs.model, inputs.x, inputs.y, pool, self.starts)
        return _BoundarySearch(self.steps, inputs, pool, points).run(self.name, progress)

    @property
    def name(self) -> str:
        return attack_name("FAB-B", self.steps, self.starts)

    def passes(self) -> float:
        return (self.steps + 1) * self.starts + _CANDIDATES * _BISECTIONS / 3


@dataclass(frozen=True)
class BoundaryPoints:
    """Points just beyond the decision boundary, on lines to pool images; nearest first, (n, starts) each.

    `pool_index` int64 is the image that the line leads to, `fraction` in [0, 1] the point's position
    on it, `target` int64 the predicted class there. Without a pool image of another class the
    fraction is 0: the point is the sample itself.
    """

    pool_index: torch.Tensor
    fraction: torch.Tensor
    target: Labels


class _BoundarySearch(FABSearch):
    """A round is one boundary point per sample."""

    def __init__(
        self, steps: int, inputs: AttackInput, pool: Images, points: BoundaryPoints
    ) -> None:
        super().__init__(steps, 1, inputs, points.target)
        self.pool, self.points = pool, points

    def begin_round(self) -> None:
        ends = self.pool[self.points.pool_index[:, self.round]]
        self.starts = self.x + per_image(self.points.fraction[:, self.round]) * (ends - self.x)


@torch.no_grad()
def boundary_points(
    model: Model, x: Images, y: Labels, ends: Images, starts: int
) -> BoundaryPoints:
    """The nearest `starts` boundary points of each sample, found by binary search on lines to `ends`."""
    classes = answers(model, ends).argmax(1)
    size = batch_size(x, _BATCH)
    parts = [
        _boundary_points(model, images, labels, ends, classes, starts)
        for images, labels in zip(x.split(size), y.split(size), strict=True)
    ]
    return BoundaryPoints(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def _boundary_points(
    model: Model, x: Images, y: Labels, ends: Images, classes: Labels, starts: int
) -> tuple[torch.Tensor, torch.Tensor, Labels]:
    distances = torch.cdist(x.flatten(1), ends.flatten(1))
    distances = distances.masked_fill(classes[None] == y[:, None], torch.inf)
    candidates = min(_CANDIDATES, len(ends))
    distance, pool_index = distances.topk(candidates, largest=False)
    of_other_class = distance.isfinite()
    clean = x.repeat_interleave(candidates, 0)
    line = ends[pool_index.flatten()] - clean
    label = y.repeat_interleave(candidates)
    low, high = torch.zeros_like(distance).flatten(), torch.ones_like(distance).flatten()
    target = classes[pool_index.flatten()]
    for _ in range(_BISECTIONS):
        rows = _among_nearest(distance, low, high, starts)
        if not len(rows):  # no pool image of another class
            break
        middle = (low[rows] + high[rows]) / 2
        logits = model(channels_last(clean[rows] + per_image(middle) * line[rows]))
        wrong = is_wrong(logits, label[rows])
        high[rows] = torch.where(wrong, middle, high[rows])
        low[rows] = torch.where(wrong, low[rows], middle)
        target[rows] = torch.where(wrong, predicted(logits, label[rows]), target[rows])
    fraction = high.view_as(distance)
    order = (fraction * distance).masked_fill(~of_other_class, torch.inf)
    order = order.argsort(dim=1, stable=True)
    # With more starts than candidates the nearest ones are used again.
    order = order[:, torch.arange(starts, device=x.device) % candidates]
    fraction = torch.where(of_other_class, fraction, 0.0)
    columns = (pool_index, fraction, target.view_as(pool_index))
    first, second, third = (column.gather(1, order) for column in columns)
    return first, second, third


def _among_nearest(
    distance: torch.Tensor, low: torch.Tensor, high: torch.Tensor, starts: int
) -> torch.Tensor:
    """Indices of the lines, of (n, candidates) flattened, whose point may be among the nearest `starts`.

    A point lies between the fractions `low` and `high` of its line. Lines whose nearest possible point is
    farther than the farthest possible ones of `starts` lines need no more steps.
    """
    nearest, farthest = low.view_as(distance) * distance, high.view_as(distance) * distance
    limit = farthest.sort(dim=1).values[:, min(starts, distance.shape[1]) - 1]
    return ((nearest <= limit[:, None]) & distance.isfinite()).flatten().nonzero().squeeze(1)
