"""A project's folder as the input of measures that read its files alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from securemnist.types import Progress, silent

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ProjectContext:
    """The folder that paths of a row are relative to, and results that several rows share.

    `progress`: called with a task, the steps done, and all steps. `cache`: results by their key.
    """

    project: Path = field(default_factory=Path.cwd, compare=False)
    progress: Progress = silent
    cache: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def cached(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The value of `compute()`, which runs once for each key."""
        if key not in self.cache:
            self.cache[key] = compute()
        value: T = self.cache[key]
        return value
