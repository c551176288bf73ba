"""What a project says of itself in `[tool.securemnist]`, read only where it says anything."""

from __future__ import annotations

from pathlib import Path


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
