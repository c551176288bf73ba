"""Job and outcome: input and result of the measuring process of `assess`, exchanged as JSON files."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

from securemnist._util.resources import write_atomically


@dataclass(frozen=True, kw_only=True)
class Job:
    """The model, policy, rows and data to measure, from the options and the project's settings.

    `spec` is None where only a `model` fixture provides the model. `conftest`: whether the conftest.py
    of the working folder is imported.
    """

    policy: str
    spec: str | None = None
    conftest: bool = False
    tier: str | None = None
    data: str | None = None
    project_data: str | None = None
    device: str = "cpu"
    replay: tuple[str, ...] = ()
    until_decided: bool = False
    markers: str = ""
    rows: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    refused: str = ""  # SHA-256 of the older version: a model is not compared with itself

    def write(self, path: Path) -> None:
        """Write the job to a file."""
        write_atomically(path, json.dumps(dataclasses.asdict(self)).encode())

    @classmethod
    def read(cls, path: Path) -> Job:
        """The job that `write` stored in a file."""
        return cls(**json.loads(path.read_bytes()))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the measuring process ended.

    `code`: pytest's exit code; None where pytest did not run, for the reason `error` with `exit_code`.
    `problems`: pytest's messages about suites that cannot be collected. `selection`: the options that
    selected rows, as text; `selected`: the number of those rows.
    """

    code: int | None = None
    error: str = ""
    exit_code: int = 0
    problems: list[str] = field(default_factory=list)
    selection: list[str] = field(default_factory=list)
    selected: int = 0

    def write(self, path: Path) -> None:
        """Write the outcome to a file."""
        write_atomically(path, json.dumps(dataclasses.asdict(self)).encode())

    @classmethod
    def read(cls, path: Path) -> Outcome | None:
        """The outcome in a file; None where the process ended before writing one."""
        try:
            return cls(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
