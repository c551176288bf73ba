"""Batch dependence: predictions for an image that depend on the other images of its batch.

A randomised model is compared with equal random draws where they can be repeated. Otherwise the
means of many outputs are compared.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.variation import differs, limit, varies
from securemnist.results.findings import Doubt
from securemnist.types import Images, Logits

ALONE, TOGETHER = 16, 128
# The largest batch in which images are classified anywhere.
LARGEST = 256
# For a randomised model: images, outputs averaged, and the allowed difference of two means in
# standard errors. Among 160 comparisons of an honest model, one exceeds 7 in about 10,000 runs
# (Student's t).
FEW, MEAN_DRAWS, ERRORS = 8, 24, 7.0
ADVICE = (
    "Let each image be classified on its own: no statistics of the batch (normalisation layers in eval "
    "mode), no memory between images."
)


def batch_dependence(case: Case) -> Doubt | None:
    """The logits of an image alone, in a batch and in a batch of another order differ."""
    x = case.x[:TOGETHER]
    dependent = _randomised(case, x) if bool(varies(case).any()) else _deterministic(case, x)
    if not bool(dependent.any()):
        return None
    return Doubt(
        name="batch dependence",
        reason=f"{int(dependent.sum())} of {len(dependent)} images got other logits in another batch",
        advice=ADVICE,
    )


def _deterministic(case: Case, x: Images) -> torch.Tensor:
    """Boolean (n,): images whose logits depend on the batch."""
    together = _in_largest(case, x)
    flipped = case.logits(x.flip(0), TOGETHER // 4).flip(0)
    alone = case.logits(x[:ALONE], 1)
    dependent = differs(case, together, flipped) | differs(case, together, case.logits(x, TOGETHER))
    dependent[:ALONE] |= differs(case, together[:ALONE], alone)
    return dependent


def _randomised(case: Case, x: Images) -> torch.Tensor:
    """Boolean (few,): the same for the first images of a randomised model."""
    first, rest = x[:FEW], x[FEW:]
    # Index and batch size stay the same, so that equal seeds draw equal noise for these images.
    batch, changed = torch.cat([first, rest]), torch.cat([first, 1 - rest.flip(0)])

    def in_batch(images: Images) -> Logits:
        return case.logits(images, TOGETHER)[: len(first)]

    dependent = torch.zeros(len(first), dtype=torch.bool, device=x.device)
    if len(rest) and torch.equal(_seeded(in_batch, batch), _seeded(in_batch, batch)):
        dependent |= differs(case, _seeded(in_batch, batch), _seeded(in_batch, changed))
    means = [
        _mean(lambda a: _in_largest(case, a)[: len(first)], batch),
        _mean(in_batch, changed),
        _mean(lambda a: case.logits(a, 1), first),
    ]
    for mean, error in means[1:]:
        difference = (means[0][0] - mean).abs()
        allowed = ERRORS * (means[0][1].square() + error.square()).sqrt()
        dependent |= (difference > allowed + limit(case, means[0][0])).any(1)
    return dependent


def _in_largest(case: Case, x: Images) -> Logits:
    """The logits of these images in a batch of the largest size, filled by repeating them."""
    copies = -(-LARGEST // len(x))
    filled = x.repeat(copies, 1, 1, 1)[: max(LARGEST, len(x))]
    return case.logits(filled, LARGEST)[: len(x)]


def _seeded(predict: Callable[[Images], Logits], x: Images) -> Logits:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return predict(x)


def _mean(predict: Callable[[Images], Logits], x: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard error of many outputs, float64 (n, K) each."""
    logits = torch.stack([predict(x).double() for _ in range(MEAN_DRAWS)])
    return logits.mean(0), logits.std(0) / MEAN_DRAWS**0.5
