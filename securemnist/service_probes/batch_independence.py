"""Batch independence: an answer depends on its image only, not on others, their order or the time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import torch

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.answers import Answers, ask
from securemnist.service_probes.reply import check
from securemnist.service_probes.target import Target

_IMAGES = 24
# Sums of floats depend on the size of a batch, which can change the last decimal of a rounded score.
_TOLERANCE = 2e-3


def batch_independence(target: Target) -> list[ServiceCheck]:
    """Answers of one batch, of its reverse, of single images one by one and at a time."""
    images = target.images[:_IMAGES]
    count = len(images)
    whole = ask(target, images)
    backwards = ask(target, images.flip(0))
    order = list(range(count - 1, -1, -1))
    single = _joined([ask(target, image[None]) for image in images])
    # A batch of one image among black, white and noisy ones.
    noise = torch.rand(count, *images.shape[1:], generator=torch.Generator().manual_seed(0))
    mixed = torch.cat([torch.zeros_like(images[:1]), images[:1], torch.ones_like(noise), noise])
    with ThreadPoolExecutor(8) as pool:
        parallel = _joined(list(pool.map(lambda image: ask(target, image[None]), images)))
    return [
        _equal("in reverse order", whole, _picked(backwards, order)),
        _equal("one by one", whole, single),
        _equal("at the same time", whole, parallel),
        _equal("among other images", _picked(whole, [0]), _picked(ask(target, mixed), [1])),
        _equal("again", whole, ask(target, images)),
    ]


def _joined(parts: list[Answers]) -> Answers:
    labels = [label for part in parts for label in part.labels]
    return Answers(labels, [row for part in parts for row in part.scores])


def _picked(answers: Answers, order: list[int]) -> Answers:
    scores = [answers.scores[k] for k in order] if answers.scores else []
    return Answers([answers.labels[k] for k in order], scores)


def _equal(name: str, one: Answers, other: Answers) -> ServiceCheck:
    if [len(row) for row in one.scores] != [len(row) for row in other.scores]:
        return check(f"the same images {name}", False, "as many scores", "others")
    labels = sum(a != b for a, b in zip(one.labels, other.labels, strict=True))
    pairs = zip(one.scores, other.scores, strict=True)
    largest = max(
        (abs(float(a) - float(b)) for x, y in pairs for a, b in zip(x, y, strict=True)), default=0.0
    )
    holds = labels == 0 and largest <= _TOLERANCE
    found = f"{labels} other labels, scores up to {largest:.2g} apart"
    return check(
        f"the same images {name}", holds, f"equal labels, scores within {_TOLERANCE:g}", found
    )
