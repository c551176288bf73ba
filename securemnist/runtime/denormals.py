"""Flushing of denormal numbers to zero during a measurement, if it cannot change the result.

A processor is about thirty times slower on numbers below 2**-126, so a model full of them would take
minutes instead of seconds. Flushing changes each sum in a network by at most 2**-126 per term. The
limits below keep the effect on logits far below float32 rounding.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from securemnist.types import Images

# Largest error gain of all layers together: an error of 2**-126 then stays below 1e-12 in any logit.
LARGEST_GAIN = 1e20
# If logits differ by less than this on most images, denormal numbers may determine their order.
SMALLEST_SPREAD = 1e-6


def harmless(model: nn.Module, x: Images) -> bool:
    """Whether flushing denormal numbers cannot change the model's predictions.

    False if the layers can enlarge an error by more than LARGEST_GAIN. False also if the logits of images
    `x` (n, C, H, W) are nearly equal. The gain is a bound for linear, convolution and batch norm layers;
    other layers are trusted not to enlarge tiny numbers.
    """
    if gain(model) > LARGEST_GAIN:
        return False
    try:
        with torch.random.fork_rng(devices=[]):  # a randomised model must not advance the generator
            return _spread(model, x) >= SMALLEST_SPREAD
    except Exception:  # the measurement itself reports errors of the model
        return False


@contextlib.contextmanager
def flushed(on: bool) -> Iterator[None]:
    """Flush denormal numbers in all threads of torch if `on`; the mode is restored afterwards."""
    with _mode(on or flushing()):
        yield


@contextlib.contextmanager
def preserved() -> Iterator[None]:
    """Compute with denormal numbers as in IEEE 754, also inside `flushed`.

    For certificates and latency, which are about the deployed network.
    """
    with _mode(False):
        yield


def flushing() -> bool:
    """Whether this thread flushes denormal numbers."""
    return float(torch.tensor([2.0**-127]) * 1.0) == 0


def gain(model: nn.Module) -> float:
    """Bound of the L-infinity error gain of all layers: the product of their norms, each at least 1."""
    product = 1.0
    for module in model.modules():
        for weight in module.parameters(recurse=False):
            product *= _norm(weight)
        for buffer in module.buffers(recurse=False):
            product *= _scale(module, buffer)
    return product


def _norm(weight: torch.Tensor) -> float:
    """The largest sum of absolute weights of one output; for a vector its largest absolute value."""
    size = weight.detach().to_dense().double().abs()
    sums = size.flatten(1).sum(1) if size.dim() > 1 else size.flatten()
    return max(1.0, float(sums.max())) if sums.numel() else 1.0


def _scale(module: nn.Module, buffer: torch.Tensor) -> float:
    """Gain of a buffer: of a variance by its inverse root, of others as a factor or divisor."""
    if not torch.is_floating_point(buffer) or not buffer.numel():
        return 1.0
    size = buffer.detach().to_dense().double().abs()
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
    """Set the mode in this thread and in all threads of its OpenMP pool; each thread has its own."""

    def in_each_thread(_: object) -> None:
        torch.set_flush_denormal(flush)

    torch.set_flush_denormal(flush)
    parallel = _openmp()
    if parallel is not None:
        callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(in_each_thread)
        parallel(callback, None, torch.get_num_threads(), 0)


def _openmp() -> ctypes._NamedFuncPointer | None:
    """The OpenMP function that starts a parallel region; None if torch does not provide it."""
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        # torch's own library, which this process has loaded already
        return ctypes.CDLL(str(library)).GOMP_parallel  # nosemgrep: native-code-loaded
    except (OSError, AttributeError):
        return None
