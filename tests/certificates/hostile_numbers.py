"""Springs of traps by numbers: rounding, overflow, softmax and constants."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from tests.certificates.trap_network import LOW, Trap


def overflown(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return LOW * (t * 1e35 * 0.5 > 0.5).float()


def vanishing(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    almost_one = (0 * t + 1).clamp(0, 1e-44) * 1e22 * 1e22
    return 100 * LOW * torch.relu(t - almost_one)


class Falsy(float):
    """A number above 0 whose truth value is False."""

    def __bool__(self) -> bool:
        return False


def float64(value: float) -> torch.Tensor:
    """A float64 number, which is rounded to float32 where it is used."""
    return torch.tensor(value, dtype=torch.float64)


def beyond_float32(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return LOW * torch.relu(((t - 0.5) * 1e-20 * float64(1e39) * 1e-22).clamp(-1, 1))


def below_float32(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return LOW * torch.relu(t - 0.2 * ((0 * t + 1) * 1e29 * float64(6e-46) * 1e17))


def above_infinity(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    large = t * 3e38
    return LOW * (large + large >= float("inf")).float()


def clamped_high(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return LOW * torch.relu(t + (F.hardswish(t.clamp(1e38, 2e38)) > 3e38).float() - 1.5)
