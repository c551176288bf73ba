"""The record of one request, which the audit log, the metrics and the drift monitor read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from securemnist.types import Images, Labels, Logits


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
