"""Environment of a result: interpreter, platform, package versions, commit."""

from __future__ import annotations

import datetime
import functools
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import securemnist
from securemnist._util.git import git
from securemnist._util.hashing import sha256, sha256_of_value

# Packages whose version can change a number.
PACKAGES = (
    "adversarial-robustness-toolbox",
    "bandit",
    "numpy",
    "pillow",
    "pytest",
    "pytest-benchmark",
    "scipy",
    "semgrep",
    "torch",
    "torchvision",
)


def describe(folder: Path, *, processor: str) -> dict[str, Any]:
    """The environment record of an assessment in `folder`.

    `folder` of the record: its path inside the repository; left out for the root, and without Git.
    """
    prefix = git(folder, "rev-parse", "--show-prefix") or b""  # from the root of its repository
    inside = prefix.decode(errors="replace").strip().strip("/")
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {"securemnist": securemnist.__version__, **_versions()},
        "source": source(),
        "processor": processor,
        "commit": _commit(folder),
        **({"folder": inside} if inside else {}),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


@functools.cache
def source() -> str:
    """SHA-256 over the Python files of this package, which many commits of one version differ by."""
    root = Path(securemnist.__file__).parent
    files = (file for file in sorted(root.rglob("*.py")) if "_bundled" not in file.parts)
    return sha256_of_value(
        {file.relative_to(root).as_posix(): sha256(file.read_bytes()) for file in files}
    )


def _versions() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _commit(folder: Path) -> str:
    """The commit of a checkout, with `+` where it has changes; empty outside of a checkout."""
    head, changes = git(folder, "rev-parse", "HEAD"), git(folder, "status", "--porcelain")
    if head is None or changes is None:
        return ""
    return head.decode(errors="replace").strip() + ("+" if changes else "")
