"""Chosen: the policy and the data of a command, as its options or the project it stands in name them."""

from __future__ import annotations

from pathlib import Path

from securemnist import resources, settings


def policy_of(named: Path | None) -> Path:
    """--policy, or the one of the project in this folder, or the one that the package brings."""
    if named is not None:
        return named
    here = Path.cwd()
    configured = settings.load(here).policy
    if configured:
        return here / configured
    own = here / "security_tests" / "thresholds.toml"
    return own if own.is_file() else resources.POLICY


def data_of(named: str | None) -> str | None:
    """--data, or the folder that the project in this folder names; None for the bundled MNIST."""
    return named or settings.load(Path.cwd()).data
