"""Equality of an endpoint's answers, whose scores may be rounded, or masks far below the others."""

from __future__ import annotations

import numpy as np
import torch

from securemnist import masked_scores

# Two answers differ where a score does by more than this share of their spread, and by more than so many
# steps of its last decimal. Errors of floats hardly ever change the last of few decimals.
_SHARE, _STEPS = 1e-4, 1.5
_FEW, _STEPS_OF_FEW = 1, 0.5


def differs(one: np.ndarray, other: np.ndarray, decimals: int | None) -> np.ndarray:
    """Boolean (n,): answers that differ by more than rounding, or name another class.

    The spread leaves out scores far below the others: -1e9 for a class, or for most, would hide every
    change. Each of those is compared with its own distance.
    """
    if one.ndim == 1:
        return np.asarray(one != other)
    other, step = np.broadcast_to(other, one.shape), 0.0
    if decimals is not None:
        step = (_STEPS if decimals > _FEW else _STEPS_OF_FEW) * 10.0**-decimals
    below, far, spread = _spread(one)
    with np.errstate(over="ignore"):
        change = np.abs(one - other)
    classes = np.stack([one.argmax(1), other.argmax(1)], 1)
    best, moved = (np.take_along_axis(of, classes, 1) for of in (np.abs(one), change))
    named = (classes[:, 0] != classes[:, 1]) & (moved.max(1) > _SHARE * best.max(1) + step)
    allowed = _SHARE * np.where(far, below, spread[:, None]) + step
    return np.asarray((change > allowed).any(1) | named)


def _spread(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances (n, K) from the highest score, which scores are masks, and the spread (n,) of the others.

    The spread is at most twice the median distance: a few low scores do not make a large spread.
    """
    with np.errstate(over="ignore"):
        most = 2 * np.median(scores.max(1, keepdims=True) - scores, axis=1)
    found = masked_scores.spread(
        torch.from_numpy(np.array(scores, np.float64)),
        torch.from_numpy(np.asarray(most, np.float64)),
    )
    return found.below.numpy(), found.far.numpy(), found.others.numpy()
