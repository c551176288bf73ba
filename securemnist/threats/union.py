"""Several threats at once: an image is robust where it withstands each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from securemnist.errors import UsageError
from securemnist.threats.base import Threat

MOST = 8


@dataclass(frozen=True, init=False)
class Union:
    """The union of two to eight threats, such as `Union(Linf(0.1), L2(1), L1(8))`.

    The worst case over norms of Tramer and Boneh 2019 (arXiv 1904.13000): an image is broken where one of
    the threats breaks it, and certified where all certify it. UsageError for other values.
    """

    members: tuple[Threat, ...]

    def __init__(self, *members: Threat) -> None:
        if not all(isinstance(member, Threat) for member in members):
            raise UsageError(f"expected threats like Linf(0.3), got {members!r:.80}; pass them")
        if not 2 <= len(set(members)) == len(members) <= MOST:
            got = ", ".join(map(str, members)) or "none"
            raise UsageError(f"expected two to {MOST} different threats, got {got}; pass them")
        object.__setattr__(self, "members", members)

    def to_json(self) -> list[dict[str, Any]]:
        """The threats as in a policy: a list of {norm, eps}."""
        return [member.to_json() for member in self.members]

    def __str__(self) -> str:
        return " or ".join(map(str, self.members))
