"""Reuse of freed memory within the process, with glibc.

glibc returns large buffers to the kernel, and each reuse costs a page fault per page. Batches of images
are such buffers. Measured on two cores: FGSM in batches of 1,000 takes 10.5 s for 10,000 images without
this setting and 4.9 s with it. Results do not change.
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
        pass  # another C library: slower, with the same results
