"""The stages of a run: attacks, replays and certificates, each within one threat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from securemnist.attacks.base import Attack
from securemnist.certificates import CROWN, INTERVALS
from securemnist.errors import MeasureError
from securemnist.evaluation.certificate_stage import WEAKEST
from securemnist.evaluation.replay import Replay
from securemnist.threats import Threat

# Images of a chunk where time is limited and the attack sets no chunk size.
CHUNK = 256


@dataclass(frozen=True)
class Search:
    """The attacks within one threat.

    `before_crown` puts interval bounds first, and CROWN after that many attacks; None certifies nothing.
    `controlled`: certified images of the smallest margin that are attacked after each of the two.
    """

    threat: Threat
    attacks: Sequence[Attack]
    before_crown: int | None = None
    controlled: int = WEAKEST


@dataclass(frozen=True)
class Stage:
    """One stage: an attack or a replay, else a `method` of certificates.

    `member`: the index of its threat in the union. `name`: with the threat, where there are several.
    `controlled`: as of its search.
    """

    member: int
    threat: Threat
    name: str
    attack: Attack | Replay | None = None
    method: str = ""
    controlled: int = WEAKEST


def stages_of(searches: Sequence[Search], replay: Replay | None) -> list[Stage]:
    """The stages of all searches, one threat after the other; a replay comes first in each."""
    found = []
    for member, search in enumerate(searches):
        attacks, before = list(search.attacks), search.before_crown
        work: list[Attack | Replay | str] = [*attacks]
        # Of several threats, certificates of one that has none would only be refused.
        if before is not None and (len(searches) == 1 or search.threat.certifiable):
            work = [INTERVALS, *attacks[:before], CROWN, *attacks[before:]]
        if replay is not None:
            work.insert(0, replay)
        prefix = f"{search.threat}: " if len(searches) > 1 else ""
        for one in work:
            if isinstance(one, str):
                name, controlled = prefix + one, search.controlled
                found.append(Stage(member, search.threat, name, method=one, controlled=controlled))
            else:
                found.append(Stage(member, search.threat, prefix + one.name, attack=one))
    return found


def chunk_size(searches: Sequence[Search], samples: int, *, limited: bool) -> int:
    """Number of images that pass through all stages before the clock is read again."""
    chunks = [attack.chunk for search in searches for attack in search.attacks]
    stated = [size for size in chunks if size is not None]
    for size in stated:
        if type(size) is not int or size < 1:
            raise MeasureError(
                f"expected a chunk of at least 1 image, got {size!r:.40}; fix the attack"
            )
    return min([*stated, CHUNK if limited else samples])
