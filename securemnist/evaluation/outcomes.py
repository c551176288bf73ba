"""Per-image outcomes of an evaluation; every robustness number is computed from them."""

from __future__ import annotations

from typing import Any

import torch

from securemnist.results.confusion import confusion, per_class
from securemnist.results.evidence.attack import AttackEvidence, StageResult
from securemnist.results.evidence.tables import OutcomeTable
from securemnist.results.per_image import (
    CERTIFIED,
    MISCLASSIFIED,
    NOT_ATTEMPTED,
    SURVIVED,
    UNBROKEN,
)


class Outcomes:
    """`codes` int64 (n,): MISCLASSIFIED, CERTIFIED, SURVIVED, NOT_ATTEMPTED or the index of a stage."""

    def __init__(self, labels: torch.Tensor, predictions: torch.Tensor, classes: int) -> None:
        self.labels, self.predictions, self.classes = labels, predictions, classes
        self.codes = torch.full_like(labels, SURVIVED)
        self.codes[predictions != labels] = MISCLASSIFIED
        self.clean_predictions = predictions.clone()
        self.stages: list[str] = []
        self.waterfall: list[StageResult] = []

    @property
    def undecided(self) -> torch.Tensor:
        """Indices of the images that are neither wrong, broken nor certified."""
        return (self.codes == SURVIVED).nonzero().squeeze(1)

    @property
    def attempted(self) -> torch.Tensor:
        """Boolean (n,): images that count; those that a time budget left out do not."""
        return self.codes != NOT_ATTEMPTED

    def end_sample_at(self, place: int) -> None:
        """Mark the images from index `place` on as not attempted.

        The remaining prefix of a random order is a random sample.
        """
        self.codes[place:] = NOT_ATTEMPTED

    def record(
        self,
        counts: StageResult,
        broken: torch.Tensor,
        predictions: torch.Tensor,
        stage: int | None = None,
    ) -> None:
        """Record that a stage broke the images at indices `broken`, predicted as `predictions`.

        `stage` is the index of a stage that ran on other images before; without it the stage is
        new.
        """
        number = len(self.stages) if stage is None else stage
        self.codes[broken] = number
        self.predictions[broken] = predictions
        if number == len(self.stages):
            self.stages.append(counts.stage)
            self.waterfall.append(counts)
        else:
            self.waterfall[number] = self.waterfall[number].plus(counts)

    @property
    def unbroken(self) -> int:
        """Number of images that are predicted right and that no attack broke; certified ones included."""
        return int(torch.isin(self.codes, torch.tensor(UNBROKEN, device=self.codes.device)).sum())

    @property
    def certified(self) -> int:
        """Number of certified images."""
        return int((self.codes == CERTIFIED).sum())

    def table(self, **record: Any) -> OutcomeTable:
        """Labels, codes and predictions; `record` says how the images were chosen (`Sample.record`)."""
        columns = self.labels, self.codes, self.clean_predictions, self.predictions
        labels, codes, clean, attacked = (column.cpu().numpy() for column in columns)
        stages = list(self.stages)
        return OutcomeTable(
            labels=labels, codes=codes, stages=stages, clean=clean, attacked=attacked, **record
        )

    def evidence(self, **record: Any) -> AttackEvidence:
        """Outcomes, stage counts, and the accuracy of each class under attack."""
        counted = self.attempted
        columns = (self.labels[counted].cpu().numpy(), self.predictions[counted].cpu().numpy())
        return AttackEvidence(
            outcomes=self.table(**record),
            waterfall=list(self.waterfall),
            not_attempted=int((~counted).sum()),
            per_class=per_class(confusion(*columns, self.classes)),
        )
