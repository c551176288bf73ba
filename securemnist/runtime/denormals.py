"""Denormal numbers: flushed to zero while a measurement runs, where that cannot change its result.

A processor computes with numbers below 2**-126 about thirty times slower than with others, so weights
chosen for it turn seconds into minutes. Flushing them changes each sum of a network by at most 2**-126 a
term; the bounds below keep what becomes of that far under the rounding of float32.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from securemnist.types import Images

# How much the layers together may enlarge an error: 2**-126 then stays below 1e-12 in any logit.
LARGEST_GAIN = 1e20
# Logits that spread less than this on most images may owe their order to denormal numbers.
SMALLEST_SPREAD = 1e-6


def harmless(model: nn.Module, x: Images) -> bool:
    """Whether flushing denormal numbers cannot change what a model says.

    It could where the layers can enlarge an error by more than LARGEST_GAIN, or where the logits on
    images `x` (n, 1, 28, 28) are nearly equal. The gain is a bound for networks of linear, convolution
    and batch norm layers; the code of other layers is trusted not to enlarge tiny numbers.
    """
    if gain(model) > LARGEST_GAIN:
        return False
    try:
        with torch.random.fork_rng(devices=[]):  # a randomised model draws here what it drew before
            return _spread(model, x) >= SMALLEST_SPREAD
    except Exception:  # the measurement itself says what is wrong with the model
        return False


@contextlib.contextmanager
def flushed(on: bool) -> Iterator[None]:
    """Flush denormal numbers in every thread of torch where `on`; the mode is put back at the end."""
    with _mode(on or flushing()):
        yield


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Compute with denormal numbers as IEEE 754 says, also inside `flushed`.

    For certificates, which are about the network as it is deployed, and for its latency.
    """
    with _mode(False):
        yield


def flushing() -> bool:
    """Whether this thread flushes denormal numbers."""
    return float(torch.tensor([2.0**-127]) * 1.0) == 0


def gain(model: nn.Module) -> float:
    """How much the layers can enlarge an error, L-infinity: the product of their norms of 1 or more."""
    product = 1.0
    for module in model.modules():
        for weight in module.parameters(recurse=False):
            product *= _norm(weight)
        for buffer in module.buffers(recurse=False):
            product *= _scale(module, buffer)
    return product


def _norm(weight: torch.Tensor) -> float:
    """The largest sum of absolute weights that lead to one output; of a vector, its largest number."""
    size = weight.detach().double().abs()
    sums = size.flatten(1).sum(1) if size.dim() > 1 else size.flatten()
    return max(1.0, float(sums.max())) if sums.numel() else 1.0


def _scale(module: nn.Module, buffer: torch.Tensor) -> float:
    """How much a buffer enlarges: a variance by its root, another number as factor or as divisor."""
    if not torch.is_floating_point(buffer) or not buffer.numel():
        return 1.0
    size = buffer.detach().double().abs()
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        if buffer is not module.running_var:
            return 1.0
        return max(1.0, float((size + module.eps).rsqrt().max()))
    return max(1.0, float(size.max()), 1 / max(float(size.min()), 1e-300))


@torch.no_grad()
def _spread(model: nn.Module, x: Images) -> float:
    """The median over images of the difference between the largest and the smallest logit."""
    logits = model(x).double()
    return float((logits.amax(1) - logits.amin(1)).median())


@contextlib.contextmanager
def _mode(flush: bool) -> Iterator[None]:
    before = flushing()
    if flush == before:
        yield
        return
    set_flushing(flush)
    try:
        yield
    finally:
        set_flushing(before)


def set_flushing(flush: bool) -> None:
    """Set the mode in this thread and in the threads of its OpenMP pool, each of which has its own."""

    def in_each_thread(_: object) -> None:
        torch.set_flush_denormal(flush)

    torch.set_flush_denormal(flush)
    parallel = _openmp()
    if parallel is not None:
        callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(in_each_thread)
        parallel(callback, None, torch.get_num_threads(), 0)


def _openmp() -> ctypes._NamedFuncPointer | None:
    """The function by which compiled code enters a parallel region; None where torch has none."""
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        # torch's own library, which this process has loaded already
        return ctypes.CDLL(str(library)).GOMP_parallel  # nosemgrep: native-code-loaded
    except (OSError, AttributeError):
        return None
