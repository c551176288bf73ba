"""Per-image tables: labels with outcomes of attacks, predictions or wrong answers; n images each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from securemnist.results.confusion import confusion
from securemnist.results.json_model import JsonModel
from securemnist.results.per_image import NOT_ATTEMPTED
from securemnist.results.value_types import Classes, Codes, Places, Sets, Shares


@dataclass(frozen=True, kw_only=True, eq=False)
class _Table(JsonModel):
    """Labels of n images; `order` says how they were chosen.

    `places` (n,) are places in the test set; none is the order of the file.
    """

    labels: Classes
    order: str = ""
    places: Places = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def test_places(self) -> np.ndarray:
        """Places in the test set, int64 (n,)."""
        return self.places if len(self.places) else np.arange(len(self.labels))

    def confusion(self, predictions: np.ndarray | None, rates: Shares | None) -> np.ndarray | None:
        """Counts (K, K) of one column of predictions, by true class.

        None without the column, or without the `rates` of the K classes.
        """
        if predictions is None or rates is None:
            return None
        chosen = self._counted
        return confusion(self.labels[chosen], predictions[chosen], len(rates))

    @property
    def _counted(self) -> np.ndarray | slice:
        """The images that count."""
        return slice(None)

    def same_images(self, other: _Table) -> bool:
        """Whether both speak of the same images in the same order."""
        return (
            self.order == other.order
            and np.array_equal(self.labels, other.labels)
            and np.array_equal(self.test_places, other.test_places)
        )

    def check_classes(self, classes: int, *columns: np.ndarray | None) -> None:
        """ValueError where a label, or a prediction of these columns, is no class below `classes`."""
        largest = max(int(c.max()) for c in (self.labels, *columns) if c is not None and len(c))
        if largest >= classes:
            raise ValueError(f"expected classes below {classes}, got {largest}")

    def _check(self, *columns: np.ndarray | None) -> None:
        """ValueError where a column is not of n images, and where an image is there twice."""
        n = len(self.labels)
        lengths = {len(column) for column in columns if column is not None}
        if not n or lengths != {n} or len(self.places) not in (0, n):
            raise ValueError(
                f"expected {n or 'some'} images in every column, got {sorted(lengths)}"
            )
        if len(np.unique(self.places)) < len(self.places):
            raise ValueError("expected different images, got one place twice")


@dataclass(frozen=True, kw_only=True, eq=False)
class OutcomeTable(_Table):
    """Outcomes of n images: each of `codes` is the index of a stage, or a constant of `per_image`.

    Predicted classes: `clean` (`read` in files) before the attacks, `attacked` after them.
    """

    codes: Codes
    stages: list[str]
    clean: Annotated[Classes | None, Field(alias="read")] = None
    attacked: Classes | None = None

    def __post_init__(self) -> None:
        """ValueError for a code of no stage, and for lengths that differ."""
        self._check(self.codes, self.clean, self.attacked)
        if self.codes.max() >= len(self.stages):
            raise ValueError(f"expected codes below {len(self.stages)}, got {self.codes.max()}")

    @property
    def _counted(self) -> np.ndarray:
        """Those that were attempted, boolean (n,)."""
        attempted: np.ndarray = self.codes != NOT_ATTEMPTED
        return attempted


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerTable(_Table):
    """Predicted classes of n images: `clean` (in files `read`) without a trigger, `triggered` with it."""

    clean: Annotated[Classes, Field(alias="read")]
    triggered: Classes | None = None

    def __post_init__(self) -> None:
        """ValueError for lengths that differ."""
        self._check(self.clean, self.triggered)


@dataclass(frozen=True, kw_only=True, eq=False)
class CorruptionTable(_Table):
    """Wrong answers to n images under corruptions: a column of `wrong` for each kind.

    A number is a set of severities: bit s is set where the answer at the s-th of them is wrong.
    """

    wrong: Annotated[list[Sets], Field(min_length=1, max_length=40)]

    @classmethod
    def of(cls, right: np.ndarray, **images: Any) -> CorruptionTable:
        """The table of answers that are right or not, boolean (kinds, severities, n), to `images`."""
        bits = 1 << np.arange(right.shape[1])
        return cls(wrong=[bits @ ~answers for answers in right], **images)

    def __post_init__(self) -> None:
        """ValueError for lengths that differ."""
        self._check(*self.wrong)

    def right(self, severities: int) -> np.ndarray:
        """Whether each answer is right, boolean (kinds, severities, n).

        ValueError for a severity beyond these.
        """
        if max(int(column.max()) for column in self.wrong) >> severities:
            raise ValueError(
                f"expected wrong answers at {severities} severities, got one at another"
            )
        bits = np.arange(severities, dtype=np.uint8)[:, None]
        return np.stack([(column.astype(np.uint8) >> bits) & 1 == 0 for column in self.wrong])
