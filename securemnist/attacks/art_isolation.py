"""Isolation of ART: import and calls that leave no trace in the process.

ART 1.20.1 writes a folder into HOME when imported, closes all logging handlers and adds its own. Its
attacks draw from three global random generators, two of them from the operating system. Its
AutoAttack imports a package that ART does not declare as a dependency.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import io
import logging
import logging.config
import multiprocessing
import os
import random
import sys
import tempfile
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import torch

from securemnist._util.torchvision_shim import torchvision

# Temporary folders that are removed when the process ends.
_homes: list[tempfile.TemporaryDirectory[str]] = []


@functools.cache
def load() -> ModuleType:
    """ART, imported once, with its folder in a temporary place and logging unchanged."""
    torchvision()  # ART imports it, which fails with a CPU build of torch without this shim
    if "art" not in sys.modules:
        home = tempfile.TemporaryDirectory(prefix="securemnist-art-")
        _homes.append(home)
        with warnings.catch_warnings(), _home(home.name), _logging_untouched():
            warnings.simplefilter("ignore")
            importlib.import_module("art")
        logging.getLogger("art").addHandler(logging.NullHandler())
    return importlib.import_module("art")


@contextlib.contextmanager
def guarded(rng: torch.Generator) -> Iterator[None]:
    """Context of a call of ART: global generators seeded from `rng`, no output, all state restored."""
    # Progress bars of nested attacks cannot be switched off; they go to standard error.
    quiet = contextlib.redirect_stderr(io.StringIO())
    with quiet, _seeded(rng), _multiprocess(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # divisions by zero and deprecations inside ART
        yield


class _SeededState(np.random.RandomState):
    """A RandomState that, without a seed, draws one from NumPy's global generator.

    HopSkipJump and BoundaryAttack pass no seed: NumPy would take it from the operating system, and
    no run could be repeated.
    """

    def __init__(self, seed: Any = None) -> None:
        # `_seeded` has seeded the global generator.
        # nosemgrep: attack-randomness-without-seed
        super().__init__(np.random.randint(2**31) if seed is None else seed)


@contextlib.contextmanager
def _seeded(rng: torch.Generator) -> Iterator[None]:
    """The global generators that ART uses, seeded from `rng` and restored afterwards."""
    seed = int(torch.randint(2**31, (1,), generator=rng, device=rng.device))
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(), _swapped(np.random, "RandomState", _SeededState):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


@contextlib.contextmanager
def _multiprocess() -> Iterator[None]:
    """A module named `multiprocess` for ART's AutoAttack, where that package is not installed.

    AutoAttack uses it for worker pools only, which the adapter refuses. It is a fork of the standard
    library's `multiprocessing`, which replaces it here.
    """
    if importlib.util.find_spec("multiprocess") is not None:
        yield
        return
    sys.modules["multiprocess"] = multiprocessing
    try:
        yield
    finally:
        sys.modules.pop("multiprocess", None)


def _logging_untouched() -> contextlib.AbstractContextManager[None]:
    return _swapped(logging.config, "dictConfig", lambda _config: None)


@contextlib.contextmanager
def _home(folder: str) -> Iterator[None]:
    """HOME set to `folder`, the only way to choose where ART writes its configuration."""
    before = os.environ.get("HOME")
    os.environ["HOME"] = folder
    try:
        yield
    finally:
        os.environ.pop("HOME")
        if before is not None:
            os.environ["HOME"] = before


@contextlib.contextmanager
def _swapped(owner: ModuleType, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
