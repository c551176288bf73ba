"""Make torchvision importable beside a CPU build of torch.

torchvision's registry wheel is built for CUDA; beside a CPU torch its compiled operators do not load,
and the import fails at once with `operator torchvision::nms does not exist`, because torchvision
registers shape rules for two operators that nothing declared. Declaring their schemas is
enough for datasets, transforms and classifiers; a model that calls the operators still fails.
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
# A library that is collected takes its operators with it: these live as long as the process.
_libraries: list[torch.library.Library] = []


def torchvision() -> ModuleType:
    """The torchvision package, with the schemas declared first where they are missing."""
    return importing(lambda: importlib.import_module("torchvision.datasets"))


def importing(call: Callable[[], Result]) -> Result:
    """What `call` returns; called once more, with the schemas declared, if torchvision lacked them."""
    try:
        return call()
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    # Not "DEF", of which there may be only one: a call may fail for another operator later.
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    _libraries.append(library)
    return call()
