"""Evidence: base of what a measure records beside its number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from securemnist.errors import first_line
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Count


@dataclass(frozen=True, kw_only=True)
class Copies(JsonModel):
    """Test images that are copies: `of_training` images, or `repeated` among the `n` of the test set."""

    of_training: Count
    repeated: Count
    n: Count


@dataclass(frozen=True, kw_only=True)
class Evidence(JsonModel):
    """What every kind of evidence may hold; each kind names itself in `kind`."""

    copies: Copies | None = None


@dataclass(frozen=True, kw_only=True)
class OtherEvidence(Evidence):
    """Evidence of a measure of the user's own: any JSON values, by name."""

    table: Mapping[str, Any] = field(default_factory=dict)
    kind: Literal["other"] = "other"

    def __post_init__(self) -> None:
        """ValueError for values that JSON does not have, such as arrays and NaN."""
        try:
            json.dumps(self.table, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(
                f"expected JSON values in a mapping as evidence, got: {first_line(error):.120}; "
                "convert arrays with .tolist(), or use a class such as CleanEvidence"
            ) from error
