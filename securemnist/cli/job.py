"""Job and outcome: input and result of the measuring process of `assess`, exchanged as JSON files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from securemnist._util.resources import write_atomically


class _Stored:
    """A dataclass of builtins that is exchanged as a JSON file."""

    def write(self, path: Path) -> None:
        """Write the fields to a file."""
        write_atomically(path, json.dumps(vars(self)).encode())

    @classmethod
    def read(cls, path: Path) -> Self:
        """The inverse of `write`; OSError, ValueError or TypeError for any other file."""
        return cls(**json.loads(path.read_bytes()))


@dataclass(frozen=True, kw_only=True)
class Job(_Stored):
    """The model, policy, rows and data to measure: the options of `assess`.

    `spec` is None where a `model` fixture provides the model. `conftest`: whether the conftest.py of
    the working folder is imported.
    """

    policy: str
    spec: str | None = None
    conftest: bool = False
    tier: str | None = None
    data: str | None = None
    device: str = "cpu"
    defence: str | None = None
    replay: tuple[str, ...] = ()
    until_decided: bool = False
    markers: str = ""
    rows: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    refused: str = ""  # SHA-256 of the older version: a model is not compared with itself


@dataclass(frozen=True, kw_only=True)
class Outcome(_Stored):
    """How the measuring process ended.

    `problems`: pytest's messages about suites that cannot be collected. `error`: why the run was
    refused, or "". `exit_code`: that of the command where there is no report.
    """

    problems: list[str] = field(default_factory=list)
    error: str = ""
    exit_code: int
