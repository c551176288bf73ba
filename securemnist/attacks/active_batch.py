"""A relay: a batch whose seats are refilled, so that it stays full while digits leave it.

An attack that needs several turns a digit (restarts, target classes) queues them turn by turn: all
digits in their first turn, then whoever is left in the second. A digit that falls leaves at that
step, and its waiting turns are skipped. With few survivors a batch therefore holds several turns of
the same digit, at no further line of code.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

import torch

from securemnist.attacks.base import BATCH
from securemnist.threats import Threat
from securemnist.types import Images, Labels, Model, Progress


@dataclass
class Seats:
    """What an attack knows of the digits in its batch: tensors with one row a seat.

    `digit` is the place in the whole set, `age` the number of steps made; both int64 (n,).
    """

    digit: torch.Tensor
    age: torch.Tensor
    clean: Images
    label: Labels

    def __len__(self) -> int:
        return len(self.digit)

    def keep(self, stay: torch.Tensor) -> Self:
        """The seats that `stay`, boolean (n,), names."""
        return type(self)(**{name: rows[stay] for name, rows in self._rows()})

    def join(self, other: Self) -> Self:
        """These seats and then those of `other`."""
        pairs = zip(self._rows(), other._rows(), strict=True)
        return type(self)(
            **{name: torch.cat([mine, theirs]) for (name, mine), (_, theirs) in pairs}
        )

    def _rows(self) -> list[tuple[str, torch.Tensor]]:
        return [(field.name, getattr(self, field.name)) for field in dataclasses.fields(self)]


@dataclass(frozen=True)
class Search:
    """What an attack was called with."""

    model: Model
    x: Images
    y: Labels
    threat: Threat
    rng: torch.Generator


S = TypeVar("S", bound=Seats)


class Relay(ABC, Generic[S]):
    """One attack over many digits, `turns` turns each."""

    def __init__(self, search: Search, turns: int) -> None:
        self.model, self.x, self.y = search.model, search.x, search.y
        self.threat, self.rng, self.turns = search.threat, search.rng, turns
        self.proposals = self.x.clone()
        self.fallen = torch.zeros(len(self.x), dtype=torch.bool, device=self.x.device)
        self.turn, self._waiting = -1, torch.empty(0, dtype=torch.long, device=self.x.device)

    def open_turn(self) -> None:
        """Called before the first digit enters a turn."""

    @abstractmethod
    def enter(self, digits: torch.Tensor) -> S:
        """Fresh seats of `digits`, in turn `self.turn`."""

    @abstractmethod
    def step(self, seats: S) -> torch.Tensor:
        """Move every seat one step, in place; boolean (seats,): whose turn goes on.

        Calls `fall` for the points that are wrong; a fallen digit leaves whatever is returned.
        """

    def fall(self, seats: S, points: Images, fell: torch.Tensor) -> None:
        """`points` are the proposals for the seats that `fell`, boolean (seats,)."""
        where = fell.nonzero().squeeze(1)
        # Several turns of a digit may fall at once; the one that was queued first counts.
        chosen = dict(zip(seats.digit[where].flip(0).tolist(), where.flip(0).tolist(), strict=True))
        self.proposals[list(chosen)] = points[list(chosen.values())]
        self.fallen[list(chosen)] = True

    def run(self, name: str, progress: Progress) -> Images:
        """A proposal for every digit: where it fell, or the digit itself where it did not."""
        seats, total = self._fill(None), len(self.x) * self.turns
        while seats is not None:
            stay = self.step(seats) & ~self.fallen[seats.digit]
            if bool(stay.all()):
                continue
            seats = self._fill(seats.keep(stay))
            busy = len(self._waiting) + (0 if seats is None else len(seats))
            progress(name, max(0, (self.turn + 1) * len(self.x) - busy), total)
        return self.proposals

    def _fill(self, seats: S | None) -> S | None:
        """The seats, filled up from the queue; None when nobody is left."""
        for fresh in self._newcomers(BATCH - (0 if seats is None else len(seats))):
            seats = fresh if seats is None else seats.join(fresh)
        return seats if seats is not None and len(seats) else None

    def _newcomers(self, room: int) -> Iterator[S]:
        while room > 0:
            if not len(self._waiting):
                standing = (~self.fallen).nonzero().squeeze(1)
                if self.turn + 1 == self.turns or not len(standing):
                    return
                self.turn, self._waiting = self.turn + 1, standing
                self.open_turn()
            digits, self._waiting = self._waiting[:room], self._waiting[room:]
            digits = digits[~self.fallen[digits]]
            room -= len(digits)
            if len(digits):
                yield self.enter(digits)
