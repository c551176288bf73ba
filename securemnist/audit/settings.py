"""Settings of the log."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from securemnist._util.strict import Strict

FORMAT = 1
LONGEST_LINE = 1 << 20  # bytes, with the line break
SMALLEST_SEGMENT, LARGEST_SEGMENT = 4 << 10, 1 << 30


class AuditSettings(Strict):
    """How often the log is signed, flushed and begun anew in another file.

    `folder`: where it is written; one service writes one log. `required`: whether an answer that cannot
    be logged is withheld. `sync`: whether every line waits for the disk ("line"), or checkpoints only.
    SIGKILL loses no complete line with either; a loss of power may lose lines after the last head with
    "checkpoint". A checkpoint follows after `lines` lines or `seconds` seconds. A file that has
    `segment_bytes` is followed by another.
    """

    folder: Annotated[str, Field(min_length=1)] = "serve-audit"
    required: bool = True
    sync: Literal["line", "checkpoint"] = "checkpoint"
    lines: Annotated[int, Field(ge=1, le=100_000)] = 256
    seconds: Annotated[float, Field(gt=0, le=3_600)] = 10.0
    segment_bytes: Annotated[int, Field(ge=SMALLEST_SEGMENT, le=LARGEST_SEGMENT)] = 64 << 20
