"""Programs of a runner, and a repository whose record branch has a baseline."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import warm
from tests.ci.repository import project, record
from tests.ci.services import SERVICES
from tests.comparison.test_commands import POLICY


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a runner: ours is real, what would leave the machine only notes its words."""
    folder = tmp_path_factory.mktemp("tools")
    scripts = {
        "securemnist": f'exec "{warm.executable()}" -m securemnist "$@"',
        "pip": "true",
        "gh": 'printf "%s\\n" "$@" >> "$NOTES"',
        "curl": 'printf "%s\\n" "$@" >> "$NOTES"',
    }
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[Path]:
    """A repository whose record branch has a baseline and a history."""
    folder = tmp_path_factory.mktemp("origin")
    measured, stored, output = record(
        SERVICES["github"], project(folder, POLICY), tools, folder / "store"
    )
    assert (measured, stored) == (0, 0), output
    yield folder / "bare.git"
    shutil.rmtree(folder)
