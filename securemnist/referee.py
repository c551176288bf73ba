"""Referee: decides whether an adversarial candidate counts.

It shares no code with attacks and threats, so that it cannot repeat their errors. It recomputes
shape, finiteness, pixel range and norm of the perturbation in float64. Then it evaluates the model
on the candidates in float32 and compares the logits in their own precision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from securemnist.errors import MeasureError

# Tolerance of the norm and of the pixel range, for float32 rounding in attacks.
SLACK = 1e-6
_BATCH, _VALUES = 256, 128 * 3 * 64 * 64  # images, and values, of a batch


def _flat(changes: np.ndarray) -> np.ndarray:
    return changes.reshape(len(changes), -1)


def _pixels(changes: np.ndarray) -> np.ndarray:
    """Boolean (n, H, W): pixels of which a channel changes; smaller changes are rounding."""
    changed: np.ndarray = (np.abs(changes) > SLACK).any(axis=1)
    return changed


def _square(changes: np.ndarray) -> np.ndarray:
    """Side of the smallest square, along the axes, that holds all changed pixels; 0 without one."""
    sides = np.zeros(len(changes))
    for index, changed in enumerate(_pixels(changes)):
        places = np.argwhere(changed)
        if len(places):
            sides[index] = (places.max(axis=0) - places.min(axis=0)).max() + 1
    return sides


# The size (n,) of perturbations (n, C, H, W), float64, by the name of the norm. The threats define their
# norms again: an error in one definition is then found by the other.
SIZES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linf": lambda changes: np.linalg.norm(_flat(changes), ord=np.inf, axis=1),
    "l2": lambda changes: np.linalg.norm(_flat(changes), ord=2, axis=1),
    "l1": lambda changes: np.linalg.norm(_flat(changes), ord=1, axis=1),
    "l0": lambda changes: np.count_nonzero(_pixels(changes), axis=(1, 2)),
    "patch": _square,
}


@dataclass(frozen=True)
class Ruling:
    """The referee's decisions, (n,) each.

    `valid` boolean: in the threat set. `fooled` boolean: valid and misclassified. `tied` boolean: valid,
    and another class has the same largest logit as the label. `predictions` int64: the predicted class,
    in a tie with the label the other class. `confidence` in [0, 1]: its softmax, for display only.
    """

    valid: torch.Tensor
    fooled: torch.Tensor
    tied: torch.Tensor
    predictions: torch.Tensor
    confidence: torch.Tensor


def inside_budget(x: torch.Tensor, x_adv: torch.Tensor, norm: str, eps: float) -> torch.Tensor:
    """Boolean (n,): whether each candidate is finite, in [0, 1] and within eps, up to SLACK.

    MeasureError for candidates of another shape, and for a norm that is not in SIZES.
    """
    if x_adv.shape != x.shape:
        raise MeasureError(
            f"expected candidates of shape {tuple(x.shape)}, got {tuple(x_adv.shape)}; fix the attack"
        )
    original = x.detach().cpu().numpy().astype(np.float64)
    candidate = x_adv.detach().cpu().numpy().astype(np.float64)
    finite = np.isfinite(_flat(candidate)).all(axis=1)
    candidate = np.where(finite[:, None, None, None], candidate, 0.0)
    flat = _flat(candidate)
    in_range = (flat >= -SLACK).all(axis=1) & (flat <= 1 + SLACK).all(axis=1)
    if norm not in SIZES:
        known = ", ".join(SIZES)
        raise MeasureError(f"expected a norm the referee can measure ({known}), got {norm!r}")
    size = SIZES[norm](candidate - original)
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
    """Decide on candidates `x_adv` for images `x` (n, C, H, W) with labels `y` int64 (n,).

    Of a model behind an endpoint the images count that it reads, not those before their rounding.
    """
    valid = inside_budget(x, x_adv, norm, eps)
    exact = x_adv.float().nan_to_num(0.0, 1.0, 0.0).clamp(0, 1)
    as_sent = getattr(model, "as_sent", None)
    if as_sent is not None:
        exact = as_sent(exact)
        valid = valid & inside_budget(x, exact, norm, eps)
    # Float64 represents every smaller float format exactly, so different logits stay different.
    size = max(1, min(_BATCH, _VALUES // max(1, exact.shape[1:].numel())))
    logits = torch.cat([model(exact[low : low + size]).double() for low in range(0, len(x), size)])
    label = y[:, None]
    true = logits.gather(1, label).squeeze(1)
    best, other = logits.scatter(1, label, -torch.inf).max(1)
    # A tie, and logits that are not finite, count against the model.
    wrong = ~(true > best) | ~torch.isfinite(logits).all(1)
    predictions = torch.where(wrong, other, y)
    confidence = logits.softmax(1).nan_to_num(0.0).gather(1, predictions[:, None]).squeeze(1)
    valid = valid.to(wrong.device)
    return Ruling(valid, valid & wrong, valid & (true == best), predictions, confidence)
