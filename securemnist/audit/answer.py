"""Answer: what the log stores of one request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from securemnist.sanitize import line

_LONGEST_TEXT = 200


@dataclass(frozen=True)
class Answer:
    """Who asked what when, and what was answered.

    `request`: the id of the request; `path`: its path; `subject`: the id of the token, never the token;
    `model`: name and `digest` of the model; `status`: the HTTP status; `images`: keyed hashes, one an
    image; `classes`: the predicted ones, one an image.
    """

    request: str
    subject: str
    model: str
    model_digest: str
    status: int
    images: Sequence[str] = ()
    classes: Sequence[int] = ()
    milliseconds: float = 0.0
    path: str = ""

    def to_json(self) -> dict[str, Any]:
        """The keys of a line; texts are cut at 200 visible characters."""
        texts = ("request", "subject", "model", "model_digest", "path")
        return {
            **{name: line(getattr(self, name), _LONGEST_TEXT) for name in texts},
            "status": int(self.status),
            "images": list(self.images),
            "classes": [int(label) for label in self.classes],
            "milliseconds": round(float(self.milliseconds), 3),
        }
