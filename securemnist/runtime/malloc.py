"""Keep freed memory in the process, where the C library allows it.

glibc hands every large buffer back to the kernel and pays a page fault a page to get it again; batches
of images are exactly such buffers. Measured on two cores: FGSM in batches of 1,000 takes 10.5 s a
10,000 digits without this and 4.9 s with it. Numbers do not change, only the time.
"""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Ask glibc not to return memory to the kernel; does nothing elsewhere."""
    if not sys.platform.startswith("linux"):
        return
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
    except (OSError, AttributeError):
        pass  # another C library: slower, not wrong
