"""Scores or labels in the answer of an endpoint, found by JSONPath and checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jsonpath_rfc9535
import numpy as np

from securemnist._util.parsing import json_value
from securemnist.errors import ModelError, ParseError
from securemnist.input_spec import composed

_DEPTH = 32
_FIX = "fix the description of the endpoint, or the endpoint"
_BEST_ONLY = (
    "where only the best classes are answered, leave out `scores`, and let `labels` name the best one "
    "of each image"
)
_ONE = "set batch = 1 where it answers one image a request; otherwise " + _FIX
_DIGITS = 9  # of a class in a text; Python refuses to read thousands of them


@dataclass(frozen=True)
class Reader:
    """Where scores and labels are; `classes` are the composed names, by number of the class.

    With `labels` alone an answer is one label an image. With both, each label names its score.
    `stated`: the description lists `classes`, so that a number in an answer may be one of these names.
    """

    where: str
    scores: str | None
    labels: str | None
    classes: tuple[str, ...]
    stated: bool = False

    def read(self, content: bytes, images: int) -> np.ndarray:
        """Scores float64 (n, K), or where there are labels only classes int64 (n,).

        ModelError for an answer of another form, for NaN, and for an unknown class.
        """
        try:
            answer = json_value(content, depth=_DEPTH)
        except ParseError as error:
            raise self._wrong("JSON", str(error)) from error
        if self.scores is None:
            found = [*_leaves(self._at(self.labels, answer))]
            if len(found) != images:
                advice = _ONE if len(found) == 1 else _FIX
                raise self._wrong(f"{images} labels at `labels`", f"{len(found)}", advice)
            return np.array([self._class(label) for label in found], np.int64)
        if self.labels is not None:
            return self._named(answer, images)
        found = self._at(self.scores, answer)
        flat = [*_leaves(found)]
        if len(flat) == images and flat and all(isinstance(item, dict) for item in flat):
            return np.array([self._by_name(item) for item in flat], np.float64)
        table = self._table(flat, images)
        # In lists of another length, as of one class each, scores have another order.
        lengths = {*_lengths(found)} - {1, len(self.classes), table.size}
        if lengths:
            expected = f"a list of {len(self.classes)} scores for each image"
            raise self._wrong(expected, f"lists of {min(lengths)}")
        return table

    @property
    def _numbered(self) -> bool:
        """Whether a class has the number of another one as its name."""
        names = enumerate(self.classes)
        return any(name.isdigit() and name != str(place) for place, name in names)

    def _at(self, path: str | None, answer: Any) -> list[Any]:
        try:
            return list(jsonpath_rfc9535.find(path or "$", answer).values())
        except (jsonpath_rfc9535.JSONPathError, RecursionError) as error:
            raise self._wrong(f"a value at {path}", type(error).__name__) from error

    def _table(self, flat: Sequence[Any], images: int) -> np.ndarray:
        classes = len(self.classes)
        if len(flat) != images * classes:
            expected = f"{images} x {classes} scores at `scores`"
            advice = _ONE if len(flat) == classes else _FIX
            raise self._wrong(expected, f"{len(flat)} values", advice)
        if not all(type(score) in (int, float) for score in flat):
            raise self._wrong("numbers at `scores`", "other values")
        return np.array(flat, np.float64).reshape(images, classes)

    def _named(self, answer: Any, images: int) -> np.ndarray:
        labels = [*_leaves(self._at(self.labels, answer))]
        found = [*_leaves(self._at(self.scores, answer))]
        # As many as for one image: `_table` refuses them with other advice.
        if images <= len(found) < images * len(self.classes) and len(found) != len(self.classes):
            raise self._wrong(
                f"a score for each of {len(self.classes)} classes",
                f"{len(found)} for {images} images",
                _BEST_ONLY,
            )
        scores = self._table(found, images)
        if len(labels) != scores.size:
            raise self._wrong(f"{scores.size} labels at `labels`", f"{len(labels)}")
        order = np.array([self._class(label) for label in labels]).reshape(scores.shape)
        if not (np.sort(order, 1) == np.arange(len(self.classes))).all():
            raise self._wrong("each class once for each image", "one twice")
        result = np.empty_like(scores)
        np.put_along_axis(result, order, scores, 1)
        return result

    def _by_name(self, scores: dict[str, Any]) -> np.ndarray:
        named = {composed(name): score for name, score in scores.items()}
        if set(named) != set(self.classes) or len(named) != len(scores):
            some = set(named) < set(self.classes)
            got = f"{len(scores)} of {len(self.classes)}" if some else f"{len(scores)} other names"
            raise self._wrong(
                "a score for each class by its name", got, _BEST_ONLY if some else _FIX
            )
        row: np.ndarray = self._table([named[name] for name in self.classes], 1)[0]
        return row

    def _class(self, label: Any) -> int:
        if isinstance(label, dict):  # scores of the best classes by name
            label = self._best(label)
        number = int(label) if type(label) is float and label.is_integer() else label
        name = str(number) if self.stated and type(number) is int else label
        if isinstance(name, str) and composed(name) in self.classes:
            return self.classes.index(composed(name))
        text = label if isinstance(label, str) and label.isascii() and label.isdigit() else ""
        number = int(text) if 0 < len(text) <= _DIGITS else number
        # Beside names such as "1" to "10" a number that is none of them is no position.
        position = not isinstance(name, str) or not self._numbered
        if position and type(number) is int and 0 <= number < len(self.classes):
            return number
        advice = (
            "list the names of its classes in `classes`, in the order of the labels of the data"
        )
        raise self._wrong("a known class", f"{label!r:.40}", advice)

    def _best(self, scores: dict[str, Any]) -> str:
        if not scores or not all(type(score) in (int, float) for score in scores.values()):
            raise self._wrong("a label, or scores by name", f"{scores!r:.40}")
        return max(scores, key=lambda name: scores[name])

    def _wrong(self, expected: str, got: str, advice: str = _FIX) -> ModelError:
        return ModelError(
            f"{self.where}: expected {expected} in the answer, got {got:.160}; {advice}"
        )


def _lengths(values: list[Any]) -> Iterator[int]:
    """The lengths of nested lists that hold anything else than lists."""
    pending = [values]
    while pending:
        items = pending.pop()
        nested = [item for item in items if isinstance(item, list)]
        pending += nested
        if len(nested) < len(items):
            yield len(items)


def _leaves(values: list[Any]) -> Iterator[Any]:
    """The values below nested lists, in order."""
    pending = [iter(values)]
    while pending:
        for value in pending[-1]:
            if isinstance(value, list):
                pending.append(iter(value))
                break
            yield value
        else:
            pending.pop()
