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
    from securemnist.attacks.apgd import APGD
    from securemnist.attacks.fgsm import FGSM
    from securemnist.attacks.pgd import PGD
    from securemnist.attacks.square import Square
    from securemnist.data import DataSet
    from securemnist.threats import L2, Linf

__version__ = "0.1.0"
__all__ = [
    "APGD",
    "FGSM",
    "L2",
    "PGD",
    "Assessment",
    "DataSet",
    "Linf",
    "Measurement",
    "Square",
    "assess",
    "certify",
    "compare",
    "load_policy",
    "measure",
]
_HOMES = {
    "api.assessment": ("Assessment", "assess"),
    "api.certification": ("certify",),
    "api.comparison": ("compare",),
    "api.inputs": ("load_policy",),
    "api.measurement": ("Measurement", "measure"),
    "attacks": ("APGD", "FGSM", "PGD", "Square"),
    "data": ("DataSet",),
    "threats": ("L2", "Linf"),
}


def __getattr__(name: str) -> object:
    """A public name, from the module that defines it."""
    for home, names in _HOMES.items():
        if name in names:
            value: object = getattr(importlib.import_module(f"securemnist.{home}"), name)
            globals()[name] = value  # the next use does not come here
            return value
    raise AttributeError(f"module 'securemnist' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
