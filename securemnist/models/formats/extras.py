"""Optional packages, which an extra of this package installs."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from securemnist._util.torchvision_shim import importing
from securemnist.errors import UsageError, first_line
from securemnist.project import imports


def module(name: str, extra: str) -> ModuleType:
    """An optional module.

    UsageError with the command that installs it, or with the module of the project that has its name.
    """
    package = name.partition(".")[0]
    expected, install = (
        f"expected the package {package} to read this model",
        f"securemnist[{extra}]",
    )
    try:
        found = importing(lambda: importlib.import_module(name))
    except ImportError as error:
        raise UsageError(
            f"{expected}, got {first_line(error):.120}; pip install '{install}'"
        ) from error
    if found.__spec__ is not None and found.__spec__.origin is None:  # any folder of this name
        raise UsageError(f"{expected}, got a folder without modules; pip install '{install}'")
    file = Path(getattr(found, "__file__", None) or "")
    if {file.parent, file.parent.parent} & set(imports.folders_of(Path.cwd())):
        raise UsageError(f"{expected}, got {file.name} of the project; give that another name")
    return found
