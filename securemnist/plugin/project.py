"""Where the policy of a project lies: what `[tool.securemnist]` names, or the usual file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

_FOLDER, _FILE = "security_tests", "thresholds.toml"
USUAL = f"{_FOLDER}/{_FILE}"


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


def policy_of(config: pytest.Config, test: Path | None = None) -> Path | None:
    """The policy of a run: --security-policy, or that of the project; None where there is none.

    It is looked for from the file of a `test` upwards, else from what pytest was asked to collect, then
    in pytest's rootdir.
    """
    named: str | None = config.getoption("--security-policy")
    if named:
        return config.invocation_params.dir / named
    starts = [test.parent] if test is not None else list(_starts(config))
    for start in (*starts, config.rootpath):
        folders = list(_upwards(start))
        # What a project's settings name comes before a file that has the usual name.
        found = [path for folder in folders if (path := configured_policy(folder))]
        found += [path for folder in folders if (path := _usual(folder, beside=folder == start))]
        if found:
            return found[0]
    return None


def _starts(config: pytest.Config) -> Iterator[Path]:
    """The folders that pytest was asked to collect from."""
    for argument in config.args:
        path = config.invocation_params.dir / str(argument).partition("::")[0]
        yield path if path.is_dir() else path.parent


def _upwards(folder: Path) -> Iterator[Path]:
    """A folder and those above it, up to the top of its repository."""
    for place in (folder, *folder.parents):
        yield place
        if (place / ".git").exists():
            return


def _usual(folder: Path, *, beside: bool) -> Path | None:
    """The policy of a project in this folder, or the one that lies beside a test file."""
    if (folder / USUAL).is_file():
        return folder / USUAL
    return folder / _FILE if beside and (folder / _FILE).is_file() else None
