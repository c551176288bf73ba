"""Generators of random numbers, each for one purpose."""

from __future__ import annotations

from typing import Any

import torch

from securemnist._util.hashing import seed_from


def generator(*parts: Any) -> torch.Generator:
    """A generator on the CPU, seeded by every part: a seed, and what the numbers are for."""
    return torch.Generator().manual_seed(seed_from(*parts))
