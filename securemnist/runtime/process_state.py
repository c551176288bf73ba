"""The state of a caller's process, put back after a measurement, also after an exception."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import warnings
from collections.abc import Iterator

import numpy as np
import torch

from securemnist.runtime import denormals
from securemnist.runtime.float32 import exact_float32


@contextlib.contextmanager
def generators_preserved() -> Iterator[None]:
    """Run a block that draws from the random generators of Python, NumPy and torch."""
    states = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


@contextlib.contextmanager
def preserved() -> Iterator[None]:
    """Run a block whose code may change what the whole process shares; everything is put back.

    These are the random generators of Python, NumPy and torch, and torch's settings: default dtype,
    recording of gradients, TensorFloat-32, NNPACK, denormal numbers. Further the handlers and level of
    the root logger, filters of warnings, and the environment. Blocks of other threads wait for its end.
    """
    with (
        exact_float32(),
        _settings_preserved(),
        generators_preserved(),
        warnings.catch_warnings(),
        torch.set_grad_enabled(torch.is_grad_enabled()),
    ):
        yield


@contextlib.contextmanager
def _settings_preserved() -> Iterator[None]:
    dtype, flushing, environment = torch.get_default_dtype(), denormals.flushing(), dict(os.environ)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        if denormals.flushing() != flushing:
            denormals.set_flushing(flushing)
        root.handlers[:] = handlers
        root.setLevel(level)
        _restore(environment)


def _restore(environment: dict[str, str]) -> None:
    """Put the variables of the environment back; those that did not change are left alone."""
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    for name, value in environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
