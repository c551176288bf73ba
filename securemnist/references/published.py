"""Published numbers of the source systems."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securemnist._util.resources import CLAIMS
from securemnist.errors import PolicyError
from securemnist.results.evidence.latency import PublishedTime


@dataclass(frozen=True)
class Claim:
    """The published results of `system` for `what`. Fractions in [0, 1], times in seconds.

    Values that the source does not state are None.
    """

    system: str
    what: str
    source: str
    accuracy: float | None = None
    loss: float | None = None
    eps: float | None = None
    batch: int | None = None
    seconds_per_batch: float | None = None
    seconds_per_image: float | None = None
    as_measured: str = ""

    @property
    def microseconds(self) -> float | None:
        """Inference time in microseconds per image."""
        if self.seconds_per_image is not None:
            return self.seconds_per_image * 1e6
        if self.seconds_per_batch is not None and self.batch:
            return self.seconds_per_batch / self.batch * 1e6
        return None


def load(path: Path = CLAIMS) -> list[Claim]:
    """The published claims in file order; PolicyError for a malformed file."""
    try:
        entries: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["claim"]
        return [Claim(**entry) for entry in entries]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise PolicyError(
            f"{path}: expected [[claim]] tables, got {error}; fix the file"
        ) from error


def inference_times() -> list[PublishedTime]:
    """Microseconds per image of the systems that published a time.

    Machines, batch sizes and numbers of runs differ, so these are no basis for a comparison.
    """
    return [
        PublishedTime(
            system=claim.system, microseconds=round(claim.microseconds, 2), batch=claim.batch
        )
        for claim in load()
        if claim.microseconds is not None
    ]
