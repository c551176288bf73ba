"""Outcomes: what became of each image in which stage; every robustness number is read from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from securemnist.results.evidence.attack import AttackEvidence, StageResult
from securemnist.results.evidence.tables import OutcomeTable
from securemnist.results.per_image import (
    CERTIFIED,
    MISCLASSIFIED,
    NOT_ATTEMPTED,
    STANDING,
    SURVIVED,
)
from securemnist.types import CLASSES


@dataclass
class Outcomes:
    """`codes` int64 (n,): MISCLASSIFIED, CERTIFIED, SURVIVED, NOT_ATTEMPTED or a stage's index."""

    labels: torch.Tensor
    predictions: torch.Tensor
    codes: torch.Tensor = field(init=False)
    clean_predictions: torch.Tensor = field(init=False)
    stages: list[str] = field(default_factory=list)
    waterfall: list[StageResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.codes = torch.full_like(self.labels, SURVIVED)
        self.codes[self.predictions != self.labels] = MISCLASSIFIED
        self.clean_predictions = self.predictions.clone()

    @property
    def open(self) -> torch.Tensor:
        """Places of the digits that nothing has settled yet."""
        return (self.codes == SURVIVED).nonzero().squeeze(1)

    @property
    def attempted(self) -> torch.Tensor:
        """Boolean (n,): the digits that count; what a spent time budget left out says nothing."""
        return self.codes != NOT_ATTEMPTED

    def stop_before(self, place: int) -> None:
        """Digits from `place` on were not attempted: whatever is known of them does not count.

        What remains is a prefix of the sample, and a prefix of a random order is a random sample.
        """
        self.codes[place:] = NOT_ATTEMPTED

    def record(
        self,
        fall: StageResult,
        broken: torch.Tensor,
        predictions: torch.Tensor,
        stage: int | None = None,
    ) -> None:
        """Digits at places `broken` fell in this stage, read as `predictions`.

        `stage` is the index of one that has seen other digits before; without it the stage is new.
        """
        place = len(self.stages) if stage is None else stage
        self.codes[broken] = place
        self.predictions[broken] = predictions
        if place == len(self.stages):
            self.stages.append(fall.stage)
            self.waterfall.append(fall)
        else:
            self.waterfall[place] = self.waterfall[place].and_then(fall)

    def prove(self, fall: StageResult, proved: torch.Tensor, stage: int) -> None:
        """Digits at places `proved` withstand every attack; no later stage sees them."""
        self.record(fall, proved[:0], proved[:0], stage)
        self.codes[proved] = CERTIFIED

    @property
    def standing(self) -> int:
        """Digits read right that no attack broke."""
        return int(torch.isin(self.codes, torch.tensor(STANDING, device=self.codes.device)).sum())

    @property
    def certified(self) -> int:
        """Digits that a proof covers."""
        return int((self.codes == CERTIFIED).sum())

    def table(self, **record: Any) -> OutcomeTable:
        """Labels and codes of the images; `record` says how they were chosen (`Sample.record`)."""
        labels, codes = (column.cpu().numpy() for column in (self.labels, self.codes))
        return OutcomeTable(labels=labels, codes=codes, stages=list(self.stages), **record)

    def evidence(self, **record: Any) -> AttackEvidence:
        """The table, the stages and the confusion matrices, clean and attacked."""
        counted = self.attempted
        attacked = confusion(self.labels[counted], self.predictions[counted])
        return AttackEvidence(
            outcomes=self.table(**record),
            waterfall=list(self.waterfall),
            confusion=attacked,
            clean_confusion=confusion(self.labels[counted], self.clean_predictions[counted]),
            not_attempted=int((~counted).sum()),
            per_class=per_class(attacked),
        )


def confusion(labels: torch.Tensor, predictions: torch.Tensor) -> list[list[int]]:
    """Counts (10, 10): row true class, column predicted."""
    cells = labels.cpu().numpy() * CLASSES + predictions.cpu().numpy()
    counts = np.bincount(cells, minlength=CLASSES * CLASSES).reshape(CLASSES, CLASSES)
    table: list[list[int]] = counts.tolist()
    return table


def per_class(table: list[list[int]]) -> list[float | None]:
    """Accuracy of each class; None for a class without digits."""
    return [row[k] / total if (total := sum(row)) else None for k, row in enumerate(table)]
