"""Optional packages, which an extra of this package installs."""

from __future__ import annotations

import importlib
from types import ModuleType

from securemnist._util.torchvision_shim import importing
from securemnist.errors import UsageError, first_line


def module(name: str, extra: str) -> ModuleType:
    """An optional module; UsageError with the command that installs it."""
    try:
        return importing(lambda: importlib.import_module(name))
    except ImportError as error:
        raise UsageError(
            f"expected the package {name.partition('.')[0]} to read this model, got "
            f"{first_line(error):.120}; pip install 'securemnist[{extra}]'"
        ) from error
