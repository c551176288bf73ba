"""OpenMP settings of a process of our own, chosen before torch is loaded."""

from __future__ import annotations

import os


def short_spin() -> None:
    """Let torch's threads sleep at a barrier after a short spin, if the user has chosen no other.

    With the default they spin for milliseconds: beside a busy process on two cores PGD took 25 s so,
    and 4 s with a short spin. It has no effect once torch is loaded.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "30000")
