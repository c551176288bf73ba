"""What came back for one request, and checks of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from securemnist.results.evidence.service import ServiceCheck
from securemnist.sanitize import line

_LONGEST = 160


@dataclass(frozen=True)
class Reply:
    """An answer: status 0 where the connection ended without one, -1 where time ran out.

    -2 for bytes that are not HTTP.
    """

    status: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether the client was blamed: a status from 400 to 499."""
        return 400 <= self.status < 500

    def __str__(self) -> str:
        return {
            0: "no answer, the connection was closed",
            -1: "no answer in time",
            -2: "bytes that are not HTTP",
        }.get(self.status, str(self.status))


def check(name: str, holds: bool, expected: str, found: object) -> ServiceCheck:
    """A check; its texts are cleaned, because they may quote the service."""
    return ServiceCheck(
        name=line(name, _LONGEST), expected=expected, found=line(found, _LONGEST), holds=bool(holds)
    )


def refused(name: str, reply: Reply, *, closing: bool = False) -> ServiceCheck:
    """That a request was refused with a status from 400 to 499; `closing`: or disconnected."""
    expected = "a status from 400 to 499" + (", or a closed connection" if closing else "")
    return check(name, reply.refused or (closing and reply.status == 0), expected, reply)


HONEST = "an honest request afterwards"
