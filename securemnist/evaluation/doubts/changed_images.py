"""Doubts about predictions for the images of a row, such as those with a trigger or with noise.

A model may answer clean images one by one, and react to its batch only where an image is changed. So the
checks of the predictions are repeated on changed images, also among clean ones.
"""

from __future__ import annotations

import dataclasses

import torch

from securemnist.batches import batch_size
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts.batch_dependence import (
    ADVICE,
    TOGETHER,
    batch_dependence,
)
from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.variation import differs, variation
from securemnist.results.findings import Doubt
from securemnist.threats import Linf
from securemnist.types import Images, Logits

# Shares of changed images in a batch of clean ones.
SHARES = (1 / 2, 1 / 16)


def changed_doubts(
    context: Context, changed: Images, clean: Images, *, randomised: bool = False
) -> tuple[Doubt, ...]:
    """Doubts about the predictions for `changed` images (n, C, H, W), on at most 128 of them.

    `clean` (m, C, H, W) are put beside them. An endpoint is asked no further questions.
    """
    if context.subject.remote is not None:
        return ()
    device = context.subject.device
    x, beside = changed[:TOGETHER].to(device), clean[:TOGETHER].to(device)
    labels = torch.zeros(len(x), dtype=torch.long, device=device)  # no check of these needs them
    case = Case(context.subject, context.target, Linf(0.0), x, labels)
    found = batch_dependence(case)
    if not randomised:
        found = variation(case) or found or _among_clean(case, beside)
    if found is None:
        return ()
    reason = f"of the images that this row changes, {found.reason}"
    return (dataclasses.replace(found, reason=reason),)


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
