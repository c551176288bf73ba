"""Job and outcome: what `assess` hands to the process that measures, and what comes back. As JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

from securemnist._util.resources import write_atomically


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be measured, as the options and the project's settings name it.

    `spec` is None where a `model` fixture alone brings the model. `conftest`: whether the conftest.py of
    the working folder is imported.
    """

    policy: str
    spec: str | None
    conftest: bool
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
    refused: str = ""  # SHA-256 of the version before: the same model is no newer one

    def write(self, path: Path) -> None:
        """Write the job to a file."""
        write_atomically(path, json.dumps(dataclasses.asdict(self)).encode())

    @classmethod
    def read(cls, path: Path) -> Job:
        """The job in a file that `write` has written."""
        return cls(**json.loads(path.read_bytes()))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the measuring process ended.

    `code` is pytest's exit code, None where `error` (a sentence, with `exit_code`) ended it before.
    `problems` are what pytest would have printed of suites that cannot be collected. `asked` says in
    words what chose the rows, `selected` how many they are.
    """

    code: int | None = None
    error: str = ""
    exit_code: int = 0
    problems: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    selected: int = 0

    def write(self, path: Path) -> None:
        """Write the outcome to a file."""
        write_atomically(path, json.dumps(dataclasses.asdict(self)).encode())

    @classmethod
    def read(cls, path: Path) -> Outcome | None:
        """The outcome in a file; None where the process ended before it could write it."""
        try:
            return cls(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
