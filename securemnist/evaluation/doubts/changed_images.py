"""Doubts about predictions for the images of a row, such as those with a trigger or with noise.

A model may answer clean images one by one, and react to its batch only where an image is changed. So the
checks of the predictions are repeated on changed images, also among clean ones. A row asks about
batches of one change, to which a model may adapt (Schneider et al. 2020, arXiv 2006.16971). So the
answers that counted are compared with those in other batches.
"""

from __future__ import annotations

import dataclasses

import torch

from securemnist._util.random_numbers import generator
from securemnist.batches import batch_size
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts.batch_dependence import (
    ADVICE,
    TOGETHER,
    batch_dependence,
)
from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.endpoint_answers import endpoint_doubts
from securemnist.evaluation.doubts.variation import differs, variation
from securemnist.results.findings import Doubt
from securemnist.threats import Linf
from securemnist.types import Images, Logits

# Shares of changed images in a batch of clean ones.
SHARES = (1 / 2, 1 / 16)


class Asked:
    """Asks about the images of a row; at most 128 random ones and their logits are kept."""

    def __init__(self, context: Context) -> None:
        self._context, self._rng = context, generator(0, "asked again")
        self._kept: list[tuple[torch.Tensor, ...]] = []  # a random number of each, images, logits

    def ask(self, x: Images) -> Logits:
        """Logits (n, K) of images (n, C, H, W), on the CPU."""
        logits = self._context.logits(x).cpu()
        drawn = torch.rand(len(x), generator=self._rng)
        new = drawn.topk(min(TOGETHER, len(x)), largest=False).indices
        parts = [*self._kept, (drawn[new], x[new.to(x.device)].cpu(), logits[new])]
        columns = [torch.cat(column) for column in zip(*parts, strict=True)]
        first = columns[0].argsort()[:TOGETHER]
        self._kept = [tuple(column[first] for column in columns)]
        return logits

    @property
    def pair(self) -> tuple[torch.Tensor, ...]:
        """The images (n, C, H, W) and logits (n, K) that are kept; nothing before the first question."""
        return self._kept[0][1:] if self._kept else ()


def changed_doubts(
    context: Context,
    changed: Images,
    clean: Images,
    counted: Logits | None = None,
    *,
    randomised: bool = False,
) -> tuple[Doubt, ...]:
    """Doubts about the predictions for `changed` images (n, C, H, W), on at most 128 of them.

    `clean` (m, C, H, W) are put beside them. `counted` (n, K): the logits that the row has used. An
    endpoint is asked about 32.
    """
    if context.subject.remote is not None:
        return _named(endpoint_doubts(context.subject.remote, changed))
    device = context.subject.device
    x, beside = changed[:TOGETHER].to(device), clean[:TOGETHER].to(device)
    labels = torch.zeros(len(x), dtype=torch.long, device=device)  # no check of these needs them
    case = Case(context.subject, context.target, Linf(0.0), x, labels)
    found = batch_dependence(case)
    if not randomised:
        found = variation(case) or found or _among_clean(case, beside)
        if found is None and counted is not None:
            found = _as_counted(case, counted[: len(x)].to(device))
    return _named(() if found is None else (found,))


def _named(doubts: tuple[Doubt, ...]) -> tuple[Doubt, ...]:
    """The doubts, with the images that they are about."""
    about = "of the images that this row asks about"
    return tuple(dataclasses.replace(one, reason=f"{about}, {one.reason}") for one in doubts)


def _as_counted(case: Case, counted: Logits) -> Doubt | None:
    """The logits that the row has used, in batches of its own, differ from those in another batch."""
    wrong = int(differs(case, counted, case.logits(case.x, TOGETHER)).sum())
    reason = f"{wrong} of {len(counted)} images got other logits than in the batches of the row"
    return Doubt(name="batch dependence", reason=reason, advice=ADVICE) if wrong else None


def _among_clean(case: Case, clean: Images) -> Doubt | None:
    """The logits of changed images alone and among clean ones differ."""
    together = case.logits(case.x, TOGETHER)
    # Of the batches that the model gets: few images where they are large.
    size = batch_size(case.x, TOGETHER)
    for share in SHARES:
        changed = max(1, round(share * size))
        if not size - changed:  # images are too large for a batch of two
            return None
        among = _logits_among(case, clean, changed, size - changed)
        wrong = int(differs(case, together[: len(among)], among).sum())
        if wrong:
            reason = f"{wrong} of {len(among)} images got other logits in a batch of clean ones"
            return Doubt(name="batch dependence", reason=reason, advice=ADVICE)
    return None


def _logits_among(case: Case, clean: Images, changed: int, beside: int) -> Logits:
    """Logits of changed images, each batch made of `changed` of them and as many clean ones as `beside`.

    The images of one batch of the largest size; smaller batches hold both kinds, too.
    """
    batches = TOGETHER // (changed + beside)
    parts = case.x[: changed * batches].split(changed)
    found = []
    for number, part in enumerate(parts):
        places = torch.arange(number * beside, (number + 1) * beside, device=clean.device)
        batch = torch.cat([clean[places % len(clean)], part])
        found.append(case.logits(batch, len(batch))[-len(part) :])
    return torch.cat(found)
