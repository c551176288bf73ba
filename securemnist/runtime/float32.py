"""Float arithmetic as certificates assume it, for the length of a block.

TensorFloat-32 rounds the factors of a product to 10 bits, and NNPACK's Winograd convolutions add in
an order that the rounding bounds do not cover. Both settings belong to the process: they are put
back, also after an exception.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def exact_float32() -> Iterator[None]:
    """Run a block without TensorFloat-32 and without NNPACK."""
    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = cuda.allow_tf32, cudnn.allow_tf32
    (nnpack,) = torch.backends.nnpack.set_flags(False)
    cuda.allow_tf32 = cudnn.allow_tf32 = False
    try:
        yield
    finally:
        cuda.allow_tf32, cudnn.allow_tf32 = before
        torch.backends.nnpack.set_flags(nnpack)
