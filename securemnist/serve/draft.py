"""What is known of a request while it is in work; it becomes a `Record`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import perf_counter
from time import time as now
from typing import Any

from starlette.types import Scope

from securemnist.serve.record import Record
from securemnist.types import Images, Logits

_KEY = "securemnist.draft"
_OWN = ("further", "began")  # of a draft's fields those that a record has not


@dataclass
class Draft:
    """The fields of a record, filled in by controls and routes.

    `further`: digest of the model, images and logits of each further answer.
    """

    path: str
    address: str
    subject: str = ""
    model: str = ""
    request: str = ""
    images: Images | None = None
    logits: Logits | None = None
    further: list[tuple[str, Images, Logits]] = field(default_factory=list)
    time: float = field(default_factory=now)
    began: float = field(default_factory=perf_counter)

    def records(self, status: int) -> list[Record]:
        """The record of an answer of this status, and those of its further answers, if it has results."""
        kept = {name: value for name, value in vars(self).items() if name not in _OWN}
        first = Record(**kept, status=status, latency=perf_counter() - self.began)
        more = self.further if status < 400 else []
        return [first] + [
            replace(first, model=model, images=images, logits=logits, further=True)
            for model, images, logits in more
        ]


def of(scope: Scope) -> Draft:
    """The draft of a request; a new one for a request without."""
    if _KEY not in scope:
        client: Any = scope.get("client") or ("",)
        scope[_KEY] = Draft(scope.get("path", ""), str(client[0]))
    draft: Draft = scope[_KEY]
    return draft
