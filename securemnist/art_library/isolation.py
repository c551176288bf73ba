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
from securemnist.runtime.process_state import generators_preserved

# Temporary folders that are removed when the process ends.
_homes: list[tempfile.TemporaryDirectory[str]] = []


@functools.cache
def load() -> ModuleType:
    """ART, imported once, with its folder in a temporary place and logging unchanged."""
    import pytest

    torchvision()  # ART imports it, which fails with a CPU build of torch without this shim
    if "art" not in sys.modules:
        home = tempfile.TemporaryDirectory(prefix="securemnist-art-")
        _homes.append(home)
        with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
            warnings.simplefilter("ignore")
            # The only way to choose where ART writes its configuration.
            patch.setenv("HOME", home.name)
            patch.setattr(logging.config, "dictConfig", lambda _config: None)
            importlib.import_module("art")
        logging.getLogger("art").addHandler(logging.NullHandler())
    return importlib.import_module("art")


@contextlib.contextmanager
def guarded(rng: torch.Generator) -> Iterator[None]:
    """Context of a call of ART: global generators seeded from `rng`, no output, all state restored."""
    import pytest

    # Progress bars of nested attacks cannot be switched off; they go to standard error.
    quiet = contextlib.redirect_stderr(io.StringIO())
    seed = int(torch.randint(2**31, (1,), generator=rng, device=rng.device))
    ignored, patched = warnings.catch_warnings(), pytest.MonkeyPatch.context()
    with quiet, generators_preserved(), ignored, patched as patch:
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        warnings.simplefilter("ignore")  # divisions by zero and deprecations inside ART
        patch.setattr(np.random, "RandomState", _SeededState)
        if importlib.util.find_spec("multiprocess") is None:
            # AutoAttack uses this fork of `multiprocessing` for worker pools only, which the adapter
            # refuses.
            patch.setitem(sys.modules, "multiprocess", multiprocessing)
        yield


class _SeededState(np.random.RandomState):
    """A RandomState that, without a seed, draws one from NumPy's global generator.

    HopSkipJump and BoundaryAttack pass no seed: NumPy would take it from the operating system, and
    no run could be repeated.
    """

    def __init__(self, seed: Any = None) -> None:
        # `guarded` has seeded the global generator.
        # nosemgrep: attack-randomness-without-seed
        super().__init__(np.random.randint(2**31) if seed is None else seed)
