"""The end of a process with its parent, on Linux."""

from __future__ import annotations

import ctypes
import signal

_PARENT_DEATH_SIGNAL = 1  # of <linux/prctl.h>


def end_with_parent() -> None:
    """Let the kernel kill this process when its parent ends, also by SIGKILL."""
    ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
