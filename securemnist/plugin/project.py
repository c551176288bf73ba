"""What a project says of itself in `[tool.securemnist]`, read only where it says anything."""

from __future__ import annotations

from pathlib import Path

from securemnist.errors import UsageError
from securemnist.files import read_at_most

MAX_BYTES = 1 << 20


def configured_policy(folder: Path) -> Path | None:
    """The policy that the project's pyproject.toml names, if any."""
    path = folder / "pyproject.toml"
    try:
        if b"tool.securemnist" not in read_at_most(path, MAX_BYTES):
            return None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(
            f"{path}: expected a TOML file or none, got {error.strerror}; fix or remove it"
        ) from error
    from securemnist.settings import load

    named = load(folder).policy
    return folder / named if named else None
