"""Search for triggers that are not known: the smallest masks of the backdoor scan, for each class.

A backdoor needs a smaller mask than other classes do (Neural Cleanse, Wang et al. 2019, doi
10.1109/SP.2019.00031). No clean networks are compared, so a small mask is no proof of a backdoor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from securemnist.backdoor.repair.fine_tuning import Repair
from securemnist.backdoor.scan.perturbation import Mask, Perturbation
from securemnist.backdoor.scan.searches import search_maps
from securemnist.backdoor.scan.witness import triggered
from securemnist.types import Images

# Classes whose masks are taken, those that are smaller than this share of the median class.
_MOST_CLASSES, _SMALL = 3, 0.6
# A smallest mask is fainter than the trigger, so stronger ones are unlearned, too.
_FACTORS = (1.0, 2.0, 4.0)


@dataclass(frozen=True)
class FoundTrigger:
    """A mask with a pattern, which turns 90 % of the images to the class `target`.

    `size` is the sum of the mask in pixels, `ratio` that over the median of all classes.
    """

    mask: Perturbation
    target: int
    size: float
    ratio: float

    def __call__(self, x: Images) -> Images:
        """Copies of images (n, C, H, W) with the trigger, in [0, 1]."""
        return triggered(self.mask, x)

    def at_strengths(self) -> list[FoundTrigger]:
        """The trigger with its mask times 1, 2 and 4, at most 1 in each pixel."""
        stronger = []
        for factor in _FACTORS:
            changed = self.mask[torch.tensor([0])]
            mask, pattern = changed.parameters
            changed.parameters = [(factor * mask).clamp(max=1), pattern]
            stronger.append(replace(self, mask=changed))
        return stronger

    def to_json(self) -> dict[str, Any]:
        """The trigger as JSON values."""
        return {
            "kind": self.mask.kind,
            "target": self.target,
            "size": round(self.size, 2),
            "unit": self.mask.unit,
            "of_the_median": round(self.ratio, 4),
        }


def find_triggers(repair: Repair) -> list[FoundTrigger]:
    """The masks of the classes that need the smallest ones; none where no class needs a small one.

    A class that all clean images have is left out, and so are searches with values that are not finite.
    """
    classes = repair.model(repair.images[:1]).shape[1]
    targets = torch.tensor([c for c in range(classes) if (repair.labels != c).any()])
    repair.progress("search for a trigger", 0, 1)
    every = search_maps(
        repair.model,
        Mask,
        targets.repeat(Mask.starts),
        classes,
        repair.images,
        repair.labels,
        repair.generator("trigger search"),
    )
    sizes = every.sizes.masked_fill(~every.finite, torch.inf).view(Mask.starts, -1)
    ratios = sizes / sizes.amin(0).median()
    found = []
    for place in ratios.amin(0).argsort()[:_MOST_CLASSES].tolist():
        for start in range(Mask.starts):
            mask = every.perturbation[torch.tensor([start * len(targets) + place])]
            size, ratio = float(sizes[start, place]), float(ratios[start, place])
            if ratio < _SMALL:
                found.append(FoundTrigger(mask, int(targets[place]), size, ratio))
    return found
