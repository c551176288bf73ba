"""Measurements of a network, as rows of a policy take them, with their tables as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from securemnist import assessing
from securemnist.data import DataSet
from securemnist.errors import NotApplicable
from securemnist.evaluation.context import Context
from securemnist.models.loading import Subject
from securemnist.pipeline.documents import Matrix, Measured, Unmeasured
from securemnist.report.gallery import kept_images
from securemnist.results.evidence.answers import BackdoorEvidence
from securemnist.results.evidence.base import Evidence
from securemnist.results.evidence.images import ChangedImage
from securemnist.results.measurement import Measurement
from securemnist.types import Progress

Outcome = Measured | Unmeasured
# What a document has of each measurement, and of that of a backdoor.
_NUMBERS = (
    *("value", "low", "high", "unit", "n", "complete", "seed", "seconds", "doubts"),
    "inconclusive",
)
_DETAIL = ("target_class_accuracy_with_trigger", "control", "lift")


@dataclass
class Bench:
    """The test images, and the contexts of the networks, which keep what several measures share.

    `pictures`: changed images of attacks and triggers, by network and measure; the first are kept.
    """

    data: DataSet
    folder: Path
    progress: Progress
    pictures: dict[tuple[str, str], list[ChangedImage]] = field(default_factory=dict)
    _contexts: dict[str, Context] = field(default_factory=dict)

    def measure(self, subject: Subject, measure: str, **settings: Any) -> Outcome:
        """One measurement, with seed 0; the reason where this run cannot take it."""
        context = self._context(subject)
        try:
            found = assessing.measure(context, measure, settings)
        except NotApplicable as error:
            return Unmeasured(network=subject.name, measure=measure, reason=str(error))
        pictures = kept_images(found.evidence)
        if pictures:
            self.pictures.setdefault((subject.name, measure), pictures)
        return as_measured(subject.name, measure, settings, found)

    def _context(self, subject: Subject) -> Context:
        if subject.name not in self._contexts:
            # No doubts of a project in the working folder: the run depends on nothing there.
            self._contexts[subject.name] = Context(
                subject, self.data, progress=self.progress, project=self.folder, doubts=()
            )
        return self._contexts[subject.name]


def as_measured(
    network: str, measure: str, settings: Mapping[str, Any], found: Measurement
) -> Measured:
    """The document of a measurement."""
    return Measured(
        network=network,
        measure=measure,
        settings=settings,
        **{name: getattr(found, name) for name in _NUMBERS},
        **_tables(found.evidence),
    )


def _tables(evidence: Evidence) -> dict[str, Any]:
    """The tables that the evidence has, by their names in a document."""
    tables: dict[str, Any] = {
        "per_class": getattr(evidence, "per_class", None),
        "confusion": _matrix(getattr(evidence, "confusion", None)),
        "clean_confusion": _matrix(getattr(evidence, "clean_confusion", None)),
        "microseconds": getattr(evidence, "microseconds_per_image", None),
    }
    if isinstance(evidence, BackdoorEvidence):
        numbers = {name: getattr(evidence, name) for name in _DETAIL}
        tables["per_class"] = evidence.per_class_asr
        tables["detail"] = {name: one for name, one in numbers.items() if one is not None}
    return tables


def _matrix(counts: np.ndarray | None) -> Matrix | None:
    return None if counts is None else [[int(count) for count in row] for row in counts]
