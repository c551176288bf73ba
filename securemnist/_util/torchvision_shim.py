"""torchvision beside a CPU build of torch.

torchvision's wheel is built for CUDA. Beside a CPU torch its compiled operators do not load, and
the import fails with `operator torchvision::nms does not exist`: shape rules of two operators are
registered without a schema. Declaring the schemas is enough for datasets, transforms and
classifiers. A model that calls the operators still fails.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

import torch

Result = TypeVar("Result")
_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
# A library that is garbage-collected removes its operators, so a reference is kept.
_libraries: list[torch.library.Library] = []


def torchvision() -> ModuleType:
    """The torchvision package; missing operator schemas are declared first."""
    return importing(lambda: importlib.import_module("torchvision.datasets"))


def importing(call: Callable[[], Result]) -> Result:
    """The result of `call`; repeated after declaring the schemas where torchvision lacked them."""
    try:
        return call()
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    # "DEF" is allowed once only; a later call may fail for another operator.
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    _libraries.append(library)
    return call()
