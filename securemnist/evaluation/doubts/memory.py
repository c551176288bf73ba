"""Memory: an endpoint that answers an image like an earlier one which is near to it.

A defence that stores queries (Blacklight, Li et al. 2022, arXiv 2006.14042), or a cache of similar
images, hides from a search what a first query would show. Images on a line to another image then get
exactly the same scores, up to the distance from which they count as new.
"""

from __future__ import annotations

import numpy as np
import torch

from securemnist.endpoint.network import RemoteModel
from securemnist.results.findings import Doubt
from securemnist.types import Images

# Lines, and the parts of each that are asked about, in this order. The first are four levels of 8 bits.
LINES, PARTS = 32, (0.0, 1 / 64, 1 / 16, 1 / 4, 1.0)
# A jump is a change by this many of the smallest steps between scores.
_STEPS = 32
# Surer answers hardly change anyway. Fewer lines decide nothing. At most 10 % of the lines of reference
# networks jump, behind scores of 1 to 4 decimals and pixels of 2 to 16 levels.
_SURE, _FEWEST, _MOST = 0.9, 4, 0.25


def memory(remote: RemoteModel, x: Images) -> tuple[Doubt, ...]:
    """On more than a quarter of lines between images `x` (n, C, H, W) scores stay equal, and then jump.

    Lines begin at means of two images, which are unsure. Of labels alone nothing can be said.
    """
    if remote.facts.labels_only:
        return ()
    x = x[:LINES]
    begin, end = (x + x.roll(1, 0)) / 2, x.roll(2, 0)
    asked = [remote.answers(torch.lerp(begin, end, part)) for part in PARTS]
    scores = np.stack(asked)
    unsure = scores[0].max(1) <= _SURE if remote.facts.probabilities else np.full(len(x), True)
    stuck = int((_jumps(scores) & unsure).sum())
    if unsure.sum() < _FEWEST or stuck <= _MOST * unsure.sum():
        return ()
    lines = f"{stuck} of {int(unsure.sum())} lines to another image"
    doubt = Doubt(
        name="memory",
        reason=f"on {lines} the scores stay exactly equal, and then jump",
        advice="Let the service answer each image on its own, without a store of similar images, or "
        "measure the model itself.",
    )
    return (doubt,)


def _jumps(scores: np.ndarray) -> np.ndarray:
    """Boolean (n,): lines of scores (parts, n, K) that do not change at first, and then by many steps."""
    steps = np.diff(np.unique(scores))
    changes = np.abs(np.diff(scores, axis=0)).max(2)
    first = (changes > 0).argmax(0)
    size = changes[first, np.arange(changes.shape[1])]
    jumps: np.ndarray = (first > 0) & (size > _STEPS * steps.min(initial=np.inf))
    return jumps
