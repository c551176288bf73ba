"""Float32 arithmetic within the rounding bounds of certificates.

TensorFloat-32 rounds factors to 10 bits, and NNPACK's Winograd convolutions round in a way that the
bounds do not cover. Both are settings of the process and are restored, also after an exception.
Threads wait for each other, as one that leaves would restore the settings of one that still computes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_ONE_THREAD = threading.RLock()


@contextmanager
def exact_float32() -> Iterator[None]:
    """Run a block without TensorFloat-32 and without NNPACK; blocks of other threads wait for its end."""
    with _ONE_THREAD:
        cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
        before = cuda.allow_tf32, cudnn.allow_tf32
        (nnpack,) = torch.backends.nnpack.set_flags(False)
        cuda.allow_tf32 = cudnn.allow_tf32 = False
        try:
            yield
        finally:
            cuda.allow_tf32, cudnn.allow_tf32 = before
            torch.backends.nnpack.set_flags(nnpack)
