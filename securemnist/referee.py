"""The referee: decides in float64 whether a proposed adversarial image counts.

Shares no code with any attack or threat on purpose: an error made there must not be made here again.
Size of the perturbation, pixel range, finiteness and shape are recomputed. Then the model is asked
again, in float32, about the proposal alone. The class is read off its logits in their own precision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from securemnist.errors import MeasureError

SLACK = 1e-6
_BATCH = 256


def _linf(difference: np.ndarray) -> np.ndarray:
    largest: np.ndarray = np.abs(difference).max(axis=1, initial=0.0)
    return largest


def _l2(difference: np.ndarray) -> np.ndarray:
    length: np.ndarray = np.sqrt((difference * difference).sum(axis=1))
    return length


# The size (n,) of perturbations (n, pixels), float64, by the name of the norm. The threats define their
# norms again: an error in one definition is then seen by the other.
SIZES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"linf": _linf, "l2": _l2}


@dataclass(frozen=True)
class Ruling:
    """Per proposal, boolean (n,): inside budget, not predicted as the label, and tied with the label.

    `predictions` int64 (n,) are those of the second look: of a tie with the label the other class.
    `confidence` float (n,) is the softmax of the prediction, for display only.
    """

    valid: torch.Tensor
    fooled: torch.Tensor
    tied: torch.Tensor
    predictions: torch.Tensor
    confidence: torch.Tensor


def inside_budget(x: torch.Tensor, x_adv: torch.Tensor, norm: str, eps: float) -> torch.Tensor:
    """Whether each proposal is finite, in [0, 1] and within eps of its digit, up to SLACK."""
    if x_adv.shape != x.shape:
        raise MeasureError(
            f"expected proposals of shape {tuple(x.shape)}, got {tuple(x_adv.shape)}; mend the attack"
        )
    original = x.detach().cpu().numpy().astype(np.float64).reshape(len(x), -1)
    proposal = x_adv.detach().cpu().numpy().astype(np.float64).reshape(len(x), -1)
    finite = np.asarray(np.isfinite(proposal).all(axis=1))
    proposal = np.where(finite[:, None], proposal, 0.0)
    in_range = (proposal >= -SLACK).all(axis=1) & (proposal <= 1 + SLACK).all(axis=1)
    if norm not in SIZES:
        known = ", ".join(SIZES)
        raise MeasureError(f"expected a norm the referee can measure ({known}), got {norm!r}")
    size = SIZES[norm](proposal - original)
    return torch.from_numpy(finite & in_range & (size <= eps + SLACK))


@torch.no_grad()
def rule(
    model: torch.nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    x_adv: torch.Tensor,
    *,
    norm: str,
    eps: float,
) -> Ruling:
    """Rule on proposals `x_adv` for digits `x` (n, 1, 28, 28) with labels `y` (n,)."""
    valid = inside_budget(x, x_adv, norm, eps)
    exact = x_adv.float().nan_to_num(0.0, 1.0, 0.0).clamp(0, 1)
    # Float64 holds every float format without rounding, so that no two logits become equal here.
    logits = torch.cat(
        [model(exact[low : low + _BATCH]).double() for low in range(0, len(x), _BATCH)]
    )
    label = y[:, None]
    true = logits.gather(1, label).squeeze(1)
    best, other = logits.scatter(1, label, -torch.inf).max(1)
    # A tie is no decision for the label, and neither are logits that are not finite.
    wrong = ~(true > best) | ~torch.isfinite(logits).all(1)
    predictions = torch.where(wrong, other, y)
    confidence = logits.softmax(1).nan_to_num(0.0).gather(1, predictions[:, None]).squeeze(1)
    valid = valid.to(wrong.device)
    return Ruling(valid, valid & wrong, valid & (true == best), predictions, confidence)
