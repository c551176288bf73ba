"""The policy of a pytest run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from securemnist.project.folders import find_policy


def policy_of(config: pytest.Config, test: Path | None = None) -> Path | None:
    """The policy of a run: --security-policy, or that of the project; None if there is none.

    It is searched from the file of a `test` upwards, else from pytest's path arguments, then in
    pytest's rootdir.
    """
    option: str | None = config.getoption("--security-policy")
    if option:
        return config.invocation_params.dir / option
    starts = [test.parent] if test is not None else list(_starts(config))
    return find_policy([*starts, config.rootpath])


def _starts(config: pytest.Config) -> Iterator[Path]:
    """The folders of pytest's path arguments."""
    for argument in config.args:
        path = config.invocation_params.dir / str(argument).partition("::")[0]
        yield path if path.is_dir() else path.parent
