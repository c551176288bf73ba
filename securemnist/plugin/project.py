"""What a project says of itself in `[tool.securemnist]`, read only where it says anything."""

from __future__ import annotations

from pathlib import Path

from securemnist import resources

# What a folder holds that is the root of a project.
_ROOT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", ".git")
_USUAL = Path("security_tests") / "thresholds.toml"


def configured_policy(folder: Path) -> Path | None:
    """The policy that the project's pyproject.toml names, if any."""
    try:
        if b"tool.securemnist" not in (folder / "pyproject.toml").read_bytes():
            return None
    except OSError:
        return None
    from securemnist.settings import load

    named = load(folder).policy
    return folder / named if named else None


def project_folder(start: Path, policy: Path | None) -> Path:
    """The folder that the paths of a policy's rows start from; `start` is the root of the run.

    It holds the policy's security_tests/, or is the root of the project in which the policy lies, be
    `start` that folder, one below or one above it. It is `start` for the bundled policy and for one that
    lies elsewhere.
    """
    start = start.resolve()
    path = policy.resolve() if policy is not None else resources.POLICY.resolve()
    if path == resources.POLICY.resolve() and not start.is_relative_to(resources.ROOT.resolve()):
        return start
    root = path.parent.parent if path.parent.name == _USUAL.parent.name else _root_above(path)
    related = root is not None and (start.is_relative_to(root) or root.is_relative_to(start))
    return root if root is not None and related else start


def current_project(here: Path) -> Path:
    """The project that a folder lies in: the nearest folder above with a policy, or else `here`."""
    for folder in (here, *here.parents):
        if (folder / _USUAL).is_file() or configured_policy(folder) is not None:
            return folder
    return here


def _root_above(path: Path) -> Path | None:
    """The nearest folder above a file that is the root of a project."""
    for folder in path.parents:
        if any((folder / name).exists() for name in (*_ROOT_FILES, _USUAL)):
            return folder
    return None
