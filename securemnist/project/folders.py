"""The folders of a project, and its policy: named in `[tool.securemnist]`, or the default file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from securemnist._util import resources
from securemnist._util.files import exists, read_at_most

_FOLDER, _FILE = "security_tests", "thresholds.toml"
USUAL = f"{_FOLDER}/{_FILE}"
# Files that mark the root of a project.
_ROOT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", ".git")
MAX_BYTES = 1 << 20


def configured_policy(folder: Path) -> Path | None:
    """The policy named in the project's pyproject.toml, if any."""
    path = folder / "pyproject.toml"
    try:
        if b"securemnist" not in read_at_most(path, MAX_BYTES):
            return None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        pass  # `load` reports it
    from securemnist.project.settings import load

    policy = load(folder).policy
    return folder / policy if policy else None


def find_policy(starts: Iterable[Path]) -> Path | None:
    """The policy of the first of these folders that has one, there or in a folder above it."""
    for start in starts:
        folders = list(_upwards(start))
        # Settings take precedence over the default file name.
        policies = [path for folder in folders if (path := configured_policy(folder))]
        usual = [start / USUAL, start / _FILE, *(folder / USUAL for folder in folders[1:])]
        policies += filter(exists, usual)
        if policies:
            return policies[0]
    return None


def _upwards(folder: Path) -> Iterator[Path]:
    """A folder and those above it, up to the top of its repository."""
    for place in (folder, *folder.parents):
        yield place
        if (place / ".git").exists():
            return


def project_folder(start: Path, policy: Path | None) -> Path:
    """The base folder of relative paths in a policy's rows; `start` is the root of the run.

    It is the parent of the policy's security_tests/, or the root of the project that contains the policy.
    It is `start` instead for the bundled policy, and where neither folder contains the other.
    """
    start = start.resolve()
    path = policy.resolve() if policy is not None else resources.POLICY.resolve()
    if path == resources.POLICY.resolve() and not start.is_relative_to(resources.ROOT.resolve()):
        return start
    root = path.parent.parent if path.parent.name == _FOLDER else _root_above(path)
    related = root is not None and (start.is_relative_to(root) or root.is_relative_to(start))
    return root if root is not None and related else start


def current_project(here: Path) -> Path:
    """The project of a folder: the nearest folder upwards with a policy, or else `here`."""
    for folder in (here, *here.parents):
        if exists(folder / USUAL) or configured_policy(folder) is not None:
            return folder
    return here


def _root_above(path: Path) -> Path | None:
    """The nearest project root above a file."""
    for folder in path.parents:
        if any((folder / name).exists() for name in (*_ROOT_FILES, USUAL)):
            return folder
    return None
