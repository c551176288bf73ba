"""Doubts about the answers of an endpoint: they vary, or depend on the batch.

Scores are compared and not their logarithms, in which the last decimal of a rounded score is large.
Every image is sent again, and the stored answers are compared, too: an attack rests on them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from securemnist.endpoint.equal_answers import differs
from securemnist.endpoint.network import RemoteModel
from securemnist.evaluation.doubts.memory import LINES, PARTS
from securemnist.results.findings import Doubt
from securemnist.types import Images

# Images, and how often each is sent again, in a batch and alone.
IMAGES, REPEATS, ALONE = 32, 3, 8


class _Asked(NamedTuple):
    """Queries of the doubts, at most.

    `answers`: of those about the answers. `memory`: of that about earlier images. `attacked`: images that
    the whole attack runs on again. `transferred`: queries of transfer on survivors.
    """

    answers: int
    memory: int
    attacked: int
    transferred: int


ASKED = _Asked(
    answers=IMAGES * (REPEATS + 3) + ALONE,
    memory=LINES * len(PARTS),
    attacked=16,
    transferred=2 * 128,
)


def endpoint_doubts(remote: RemoteModel, x: Images) -> tuple[Doubt, ...]:
    """Doubts about the answers to images `x` (n, C, H, W), on at most 32 of them."""
    x, decimals = x[:IMAGES], remote.facts.decimals
    stored = remote.answers(x)
    with remote.fresh():
        first = remote.answers(x)
        varying = differs(stored, first, decimals)
        for _ in range(REPEATS):
            varying |= differs(first, remote.answers(x), decimals)
        other = remote.answers(x.flip(0))[::-1]
        alone = np.concatenate([remote.answers(x[k : k + 1]) for k in range(min(ALONE, len(x)))])
    dependent = differs(first, other, decimals)
    dependent[: len(alone)] |= differs(first[: len(alone)], alone, decimals)
    return _stated(
        "variation",
        varying,
        "when sent again",
        "Let the service answer equal images alike: eval mode, one version of the model behind one "
        "address.",
    ) or _stated(
        "batch dependence",
        dependent,
        "in another batch",
        "Let the service classify each image on its own, or send one at a time (batch = 1).",
    )


def _stated(name: str, other: np.ndarray, when: str, advice: str) -> tuple[Doubt, ...]:
    """The doubt about images with other answers, boolean (n,); none where no image has."""
    if not other.any():
        return ()
    reason = f"{int(other.sum())} of {len(other)} images got other answers {when}"
    return (Doubt(name=name, reason=reason, advice=advice),)
