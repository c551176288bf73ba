"""Version of torch: whether the project allows one whose torch.load runs code by default.

Since torch 2.6 `weights_only` is True by default:
https://pytorch.org/docs/stable/generated/torch.load.html
"""

from __future__ import annotations

import contextlib
import re
from importlib import metadata
from pathlib import Path

from securemnist._util.files import read_at_most
from securemnist._util.parsing import lenient_text

_SAFE_VERSION = (2, 6)
_MAX_BYTES = 16 << 20
_FILES = (
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "Pipfile",
    "*[Rr]equirements*.txt",
    "*[Rr]equirements*.lock",
    "[!.]*/*[Rr]equirements*.txt",
    "requirements/*.txt",
    "requirements/*/*.txt",
    "*constraints*.txt",
    "*environment*.y*ml",
    "[!.]*/*environment*.y*ml",
)
_LOCKS = (
    *("uv.lock", "poetry.lock", "pdm.lock", "pylock*.toml"),
    *("*.py.lock", "[!.]*/*.py.lock"),
)
# Version bounds after the name: `torch==2.3.1`, `torch = "^2.3"`, `pytorch=2.3`,
# `torch[opt]>=2.0,<2.6`.
_REQUIREMENT = re.compile(
    r"""(?<![\w-])(?:py)?torch(?:\[[^\]]*\])?["']?(?=\s*\(?[=<>!~^])\s*(?:=\s*(?:\{\s*version\s*=\s*)?["']\s*)?"""
    r"""\(?((?:[=!<>~^]{0,3}\s*\d[\w.*+-]*\s*,?\s*)+)"""
)
# Numbers of nine digits at most: Python refuses to read thousands of them.
_BOUND = re.compile(r"([=!<>~^]*)\s*(\d{1,9})(?:\.(\d{1,9}|\*))?(\.[\w.*+-]*)?")
_LOCKED = re.compile(r'name = "torch"\s+version = "(\d{1,9})\.(\d{1,9})')


def default_runs_code(folder: Path) -> bool:
    """Whether the installed torch, or one that a file in `folder` pins, is older than 2.6."""
    if _installed() < _SAFE_VERSION:
        return True
    pinned = (match[1] for name in _FILES for match in _pins(folder, name, _REQUIREMENT))
    if any(_below_safe(*bound) for bounds in pinned for bound in _BOUND.findall(bounds)):
        return True
    locked = (found for name in _LOCKS for found in _pins(folder, name, _LOCKED))
    return any((int(found[1]), int(found[2])) < _SAFE_VERSION for found in locked)


def _installed() -> tuple[int, int]:
    """Major and minor version of the installed torch; 2.6 where there is none."""
    try:
        found = re.match(r"(\d+)\.(\d+)", metadata.version("torch"))
    except metadata.PackageNotFoundError:
        found = None
    return (int(found[1]), int(found[2])) if found else _SAFE_VERSION


def _pins(folder: Path, pattern: str, wanted: re.Pattern[str]) -> list[re.Match[str]]:
    found: list[re.Match[str]] = []
    for path in sorted(folder.glob(pattern)):
        with contextlib.suppress(OSError):  # an unreadable file pins no version
            found += wanted.finditer(lenient_text(read_at_most(path, _MAX_BYTES)))
    return found


def _below_safe(sign: str, major: str, minor: str, patch: str) -> bool:
    """Whether one bound, such as `==2.3.1` or `<2.6`, excludes all versions from 2.6 on."""
    version = (int(major), int(minor) if minor.isdigit() else _SAFE_VERSION[1])
    if sign == "<":
        return version < _SAFE_VERSION or (version == _SAFE_VERSION and not patch.strip(".0"))
    exact = ("", "=", "==", "===", "<=", *(("~",) if minor.isdigit() else ()))
    return version < _SAFE_VERSION and (sign in exact or (sign == "~=" and bool(patch)))
