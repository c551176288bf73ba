"""Active batch: a batch of samples under attack, refilled whenever samples leave.

An attack may need several rounds per sample (restarts, target classes). They are queued round by
round: all samples in their first round, then the survivors in the second. A broken sample leaves at
once, and its queued rounds are skipped. With few survivors a batch holds several rounds of one sample.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch

from securemnist.attacks.base import BATCH, AttackInput, NativeAttack
from securemnist.attacks.validation import check_counts
from securemnist.batches import batch_size
from securemnist.types import Images, Labels, Progress


@dataclass
class BatchState:
    """State of the samples in the batch: tensors with one row per sample and round.

    `index` int64 (n,) is the sample's index in the input, `age` int64 (n,) its number of steps so far.
    """

    index: torch.Tensor
    age: torch.Tensor
    clean: Images
    label: Labels

    def __len__(self) -> int:
        return len(self.index)

    def select(self, mask: torch.Tensor) -> Self:
        """The rows where `mask`, boolean (n,), is true."""
        return type(self)(**{name: rows[mask] for name, rows in self._rows()})

    def append(self, other: Self) -> Self:
        """These rows, followed by those of `other`."""
        pairs = zip(self._rows(), other._rows(), strict=True)
        return type(self)(**{name: torch.cat([mine, new]) for (name, mine), (_, new) in pairs})

    def _rows(self) -> list[tuple[str, torch.Tensor]]:
        return [(field.name, getattr(self, field.name)) for field in dataclasses.fields(self)]


S = TypeVar("S", bound=BatchState)


class ActiveBatch(ABC, Generic[S]):
    """One attack on all samples of `inputs`, in `rounds` rounds each.

    `x_adv` holds the candidates, `broken` boolean (n,) whether the attack has succeeded.
    """

    def __init__(self, inputs: AttackInput, rounds: int) -> None:
        self.model, self.x, self.y = inputs.model, inputs.x, inputs.y
        self.threat, self.rng, self.rounds = inputs.threat, inputs.rng, rounds
        self.x_adv = self.x.clone()
        self.broken = torch.zeros(len(self.x), dtype=torch.bool, device=self.x.device)
        self.round, self._queue = -1, torch.empty(0, dtype=torch.long, device=self.x.device)

    def begin_round(self) -> None:
        """Called before the first sample of a round starts."""

    @abstractmethod
    def start(self, indices: torch.Tensor) -> S:
        """The initial state of the samples at `indices`, int64 (n,), in round `self.round`."""

    @abstractmethod
    def step(self, state: S) -> torch.Tensor:
        """One step of every row, in place; boolean (n,): which rows go on with their round.

        Calls `record_success` for candidates that the model misclassifies; those samples leave.
        """

    def begun(self, indices: torch.Tensor) -> dict[str, torch.Tensor]:
        """The fields of `BatchState` for samples at `indices` before their first step."""
        return {
            "index": indices,
            "age": torch.zeros_like(indices),
            "clean": self.x[indices],
            "label": self.y[indices],
        }

    def record_success(self, state: S, candidates: Images, success: torch.Tensor) -> None:
        """Keep the `candidates` of the rows where `success`, boolean (n,), is true."""
        rows = success.nonzero().squeeze(1)
        # Several rounds of a sample may succeed in one step; the one that was queued first counts.
        chosen = dict(zip(state.index[rows].flip(0).tolist(), rows.flip(0).tolist(), strict=True))
        self.x_adv[list(chosen)] = candidates[list(chosen.values())]
        self.broken[list(chosen)] = True

    def run(self, name: str, progress: Progress) -> Images:
        """The candidates, (n, C, H, W); where the attack failed, the image itself."""
        state, total = self._fill(None), len(self.x) * self.rounds
        while state is not None:
            active = self.step(state) & ~self.broken[state.index]
            if bool(active.all()):
                continue
            state = self._fill(state.select(active))
            unfinished = len(self._queue) + (0 if state is None else len(state))
            progress(name, max(0, (self.round + 1) * len(self.x) - unfinished), total)
        return self.x_adv

    def _fill(self, state: S | None) -> S | None:
        """The state with free rows filled from the queue; None when no sample is left."""
        for fresh in self._dequeue(
            batch_size(self.x, BATCH) - (0 if state is None else len(state))
        ):
            state = fresh if state is None else state.append(fresh)
        return state if state is not None and len(state) else None

    def _dequeue(self, free: int) -> Iterator[S]:
        while free > 0:
            if not len(self._queue):
                survivors = (~self.broken).nonzero().squeeze(1)
                if self.round + 1 == self.rounds or not len(survivors):
                    return
                self.round, self._queue = self.round + 1, survivors
                self.begin_round()
            indices, self._queue = self._queue[:free], self._queue[free:]
            indices = indices[~self.broken[indices]]
            free -= len(indices)
            if len(indices):
                yield self.start(indices)


# Cost of a query relative to a forward and backward pass; measured on network A.
_QUERY_PASSES = 0.45


@dataclass(frozen=True, kw_only=True)
class QueryAttack(NativeAttack):
    """A search that uses the model's answers only, at most `queries` of them for each sample."""

    black_box: ClassVar[bool] = True

    queries: int = 1000

    def __post_init__(self) -> None:
        check_counts(queries=self.queries)

    @abstractmethod
    def _search(self, inputs: AttackInput) -> ActiveBatch[Any]:
        """The search over the samples of a call."""

    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        with torch.no_grad():
            return self._search(inputs).run(self.name, progress)

    @property
    def name(self) -> str:
        return f"{type(self).__name__}-{self.queries}"

    def passes(self) -> float:
        return self.queries * _QUERY_PASSES
