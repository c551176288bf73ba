"""The referee: decides in float64 whether a proposed adversarial image counts.

Shares no code with any attack or threat on purpose: an error made there must not be made here again.
Size of the perturbation, pixel range, finiteness and shape are recomputed; then the prediction is
made again in float32, alone on the proposal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from securemnist.errors import MeasureError

SLACK = 1e-6
_BATCH = 256


@dataclass(frozen=True)
class Ruling:
    """Per proposal, boolean (n,): inside budget, and read as another class than the label.

    `predictions` int64 (n,) and `confidence` float32 (n,) are those of the second look.
    """

    valid: torch.Tensor
    fooled: torch.Tensor
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
    difference = proposal - original
    if norm == "linf":
        size = np.abs(difference).max(axis=1, initial=0.0)
    elif norm == "l2":
        size = np.sqrt((difference * difference).sum(axis=1))
    else:
        raise MeasureError(f"expected a norm the referee can measure (linf, l2), got {norm!r}")
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
    logits = torch.cat(
        [model(exact[low : low + _BATCH]).float() for low in range(0, len(x), _BATCH)]
    )
    confidence, predictions = logits.softmax(1).nan_to_num(0.0).max(1)
    # Counted as read wrong also where the logits are not finite: such an answer is no answer.
    wrong = (predictions != y) | ~torch.isfinite(logits).all(1)
    valid = valid.to(wrong.device)
    return Ruling(valid, valid & wrong, predictions, confidence)
