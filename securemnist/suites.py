"""The bundled suites as one module, for `from securemnist.suites import *` in your own test file.

The suites are test files beside the package; this module makes their test functions importable.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from securemnist._util import resources


def _tests(path: Path) -> dict[str, Any]:
    """The test functions of one file, by name."""
    spec = importlib.util.spec_from_file_location(f"securemnist_{path.stem}", path)
    if spec is None or spec.loader is None:
        return {}
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: value for name, value in vars(module).items() if name.startswith("test_")}


__all__ = []
for _path in sorted(resources.SUITES.glob("test_*.py")):
    _functions = _tests(_path)
    globals().update(_functions)
    __all__ += list(_functions)
