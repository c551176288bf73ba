"""The record of one request, which the audit log, the metrics and the drift monitor read.

While the request is in work, what is known of it is a draft.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from time import time as now
from typing import Any

from securemnist.types import Images, Labels, Logits

_KEY = "securemnist.draft"
_OWN = ("further", "began")  # of a draft's fields those that a record has not


@dataclass(frozen=True)
class Record:
    """A request and its answer, on the CPU.

    `time`: seconds since 1970. `subject`: the id of the token, empty without one. `address`: of the
    client. `model`: digest of the model, empty where no model was asked. `images` float32 (n, C, H, W)
    in [0, 1], `logits` (n, K): None for a refused request. `status`: of HTTP. `latency`: seconds until
    the answer was ready. `path`: of the request, without its query.
    `request`: the id that the client gave it, or empty. `further`: one more answer of a request of the
    page, by another model or to another image; it is no request of its own, and drift does not count it.
    """

    time: float
    subject: str
    address: str
    model: str
    images: Images | None
    logits: Logits | None
    status: int
    latency: float
    path: str
    request: str = ""
    further: bool = False

    @property
    def predictions(self) -> Labels | None:
        """The class int64 (n,) of each image."""
        return None if self.logits is None else self.logits.argmax(1)


# Called in the thread of the event loop before an answer is sent. An observer that raises turns the
# answer into a 503, so that none leaves without its record.
Observer = Callable[[Record], None]


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


def draft_of(scope: MutableMapping[str, Any]) -> Draft:
    """The draft of a request; a new one for a request without."""
    if _KEY not in scope:
        client: Any = scope.get("client") or ("",)
        scope[_KEY] = Draft(scope.get("path", ""), str(client[0]))
    draft: Draft = scope[_KEY]
    return draft
