"""Security tests for image classifiers: as a pytest suite, a command line and a library.

The public names below are loaded when they are first used; importing the package loads neither torch
nor pydantic, and changes nothing in the process.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from securemnist.api.assessment import Assessment, assess
    from securemnist.api.certification import certify
    from securemnist.api.comparison import compare
    from securemnist.api.inputs import load_policy
    from securemnist.api.measurement import Measurement, measure
    from securemnist.api.training import Training, train_model
    from securemnist.attacks.apgd import APGD
    from securemnist.attacks.fgsm import FGSM
    from securemnist.attacks.patch_search import PatchSearch
    from securemnist.attacks.pgd import PGD
    from securemnist.attacks.sparse_rs import SparseRS
    from securemnist.attacks.square import Square
    from securemnist.backdoor import CleanLabel, Corner, DirtyLabel
    from securemnist.data import DataSet
    from securemnist.threats import L0, L1, L2, Linf, Patch, Union
    from securemnist.train import Recipe

__version__ = "0.1.0"
__all__ = [
    "APGD",
    "FGSM",
    "L0",
    "L1",
    "L2",
    "PGD",
    "Assessment",
    "CleanLabel",
    "Corner",
    "DataSet",
    "DirtyLabel",
    "Linf",
    "Measurement",
    "Patch",
    "PatchSearch",
    "Recipe",
    "SparseRS",
    "Square",
    "Training",
    "Union",
    "assess",
    "certify",
    "compare",
    "load_policy",
    "measure",
    "train_model",
]
_HOMES = {
    "api.assessment": ("Assessment", "assess"),
    "api.certification": ("certify",),
    "api.comparison": ("compare",),
    "api.inputs": ("load_policy",),
    "api.measurement": ("Measurement", "measure"),
    "api.training": ("Training", "train_model"),
    "attacks": ("APGD", "FGSM", "PGD", "PatchSearch", "SparseRS", "Square"),
    "backdoor": ("CleanLabel", "Corner", "DirtyLabel"),
    "data": ("DataSet",),
    "threats": ("L0", "L1", "L2", "Linf", "Patch", "Union"),
    "train": ("Recipe",),
}


def __getattr__(name: str) -> object:
    """A public name, from the module that defines it."""
    import random

    for home, names in _HOMES.items():
        if name in names:
            state = random.getstate()
            try:
                value: object = getattr(importlib.import_module(f"securemnist.{home}"), name)
            finally:
                random.setstate(state)  # Rich draws a random number where it is imported
            globals()[name] = value  # the next use does not come here
            return value
    raise AttributeError(f"module 'securemnist' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
