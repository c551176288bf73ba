"""Evidence of answers: to clean images, and to images with a trigger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from securemnist.results.evidence.base import Evidence
from securemnist.results.evidence.images import ChangedImage, CleanImage
from securemnist.results.evidence.tables import AnswerTable
from securemnist.results.value_types import Class, Count, Number, Share, Shares


@dataclass(frozen=True, kw_only=True)
class CleanEvidence(Evidence):
    """Evidence of clean accuracy; `ties` as in `AttackEvidence`."""

    answers: AnswerTable | None = None
    per_class: Shares | None = None
    hardest: list[CleanImage] = field(default_factory=list)
    ties: Count = 0
    worst_class: Class | None = None
    kind: Literal["clean"] = "clean"

    def __post_init__(self) -> None:
        """ValueError for a class above those of `per_class`."""
        if self.answers is not None and self.per_class is not None:
            self.answers.check_classes(len(self.per_class), self.answers.clean)

    @property
    def confusion(self) -> np.ndarray | None:
        """Counts (K, K): row true class, column predicted class."""
        table = self.answers
        return None if table is None else table.confusion(table.clean, self.per_class)


@dataclass(frozen=True, kw_only=True)
class BackdoorEvidence(Evidence):
    """Evidence of attack success under a trigger.

    `target` is the class of the value, "next" or "other"; `source` the true class where pairs were tried.
    `per_target_asr`: success by target where all were tried. `control` is the mean over clean reference
    models, `control_models` each of them, `lift` the value minus the control.
    """

    trigger: Mapping[str, Any] = field(default_factory=dict)
    answers: AnswerTable | None = None
    per_class_asr: Shares | None = None
    triggered_gallery: list[ChangedImage] | None = None
    target: Class | str | None = None
    source: Class | None = None
    per_target_asr: Shares | None = None
    target_class_accuracy_with_trigger: Share | None = None
    control: Share | None = None
    control_models: dict[str, Share] = field(default_factory=dict)
    lift: Number | None = None
    kind: Literal["backdoor"] = "backdoor"

    def __post_init__(self) -> None:
        """ValueError for a class above those of `per_class_asr`."""
        if self.answers is not None and self.per_class_asr is not None:
            columns = self.answers.clean, self.answers.triggered
            self.answers.check_classes(len(self.per_class_asr), *columns)

    @property
    def confusion(self) -> np.ndarray | None:
        """Counts (K, K) with the trigger: row true class, column predicted class."""
        table = self.answers
        return None if table is None else table.confusion(table.triggered, self.per_class_asr)

    @property
    def clean_confusion(self) -> np.ndarray | None:
        """Counts (K, K) without the trigger."""
        table = self.answers
        return None if table is None else table.confusion(table.clean, self.per_class_asr)
