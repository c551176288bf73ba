"""What ART may touch in this process: nothing that outlives a call.

Read in ART 1.20.1: importing it writes a folder into HOME, closes every logging handler and adds its
own; its attacks draw from three global generators, and two of them from the operating system; its
AutoAttack imports a package that it does not declare.
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

# Lives as long as the process and is removed with it.
_homes: list[tempfile.TemporaryDirectory[str]] = []


@functools.cache
def load() -> ModuleType:
    """ART, imported once: its folder in a private temporary place, the logging set-up left alone."""
    torchvision()  # ART imports it in passing; beside a CPU torch that fails without this
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
    """Everything an attack of ART needs around it: seeds from `rng`, silence, nothing left behind."""
    # Bars of attacks inside attacks cannot be switched off; they go to the standard error.
    quiet = contextlib.redirect_stderr(io.StringIO())
    with quiet, _seeded(rng), _multiprocess(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # divisions by zero and deprecations inside ART
        yield


class _SeededState(np.random.RandomState):
    """A RandomState that, made without a seed, draws it from NumPy's global generator.

    HopSkipJump and BoundaryAttack make theirs without one, which would seed them from the operating
    system and make every run another.
    """

    def __init__(self, seed: Any = None) -> None:
        # The global generator is a seeded one here.
        # nosemgrep: attack-randomness-without-seed
        super().__init__(np.random.randint(2**31) if seed is None else seed)


@contextlib.contextmanager
def _seeded(rng: torch.Generator) -> Iterator[None]:
    """Every global generator that ART draws from, seeded from `rng`; afterwards as they were."""
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
    """A module `multiprocess` for ART's AutoAttack, where that package is not installed.

    AutoAttack uses it for worker pools only, which the adapter refuses; the standard library's
    module, of which it is a fork, stands in.
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
    """HOME is `folder`: where ART, which knows no other way to be told, puts its configuration."""
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
