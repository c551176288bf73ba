"""Names of classes, as every page and text shows them: cleaned, and shortened where room is small."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from securemnist.errors import DataError
from securemnist.input_spec import InputSpec
from securemnist.results.json_model import table
from securemnist.sanitize import line

SHOWN = 20  # classes that a figure or a table shows one by one
_SHORT, _HEAD = 12, 7  # characters beside an axis, and of the beginning of a longer name
_LONG = 100


@dataclass(frozen=True)
class ClassNames:
    """Names by class; the number of a class without a name is its name."""

    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, subject: Mapping[str, Any]) -> ClassNames:
        """The names in the subject of an assessment; none where they cannot be read."""
        try:
            return cls(InputSpec.from_json(table(subject.get("data")).get("spec")).class_names)
        except DataError:
            return cls()

    def __getitem__(self, label: int | str | None) -> str:
        """The whole name of a class, of at most 100 characters; another text is only cleaned."""
        if isinstance(label, int) and 0 <= label < len(self.names):
            return line(self.names[label], _LONG)
        return line(label, _LONG)

    def short(self, label: int | None) -> str:
        """The name in at most 12 characters, of a longer one its two ends.

        Where another class has the same ends, the number of the class is the second.
        """
        name = self[label]
        if self._ends[(short := _ends(name))] < 2 or label is None:
            return short
        return f"{name[:_HEAD]}…{label}"

    @cached_property
    def _ends(self) -> Counter[str]:
        """How many classes have each shortened name."""
        return Counter(_ends(self[label]) for label in range(len(self.names)))

    def change(self, before: int, after: int) -> str:
        """`cat -> dog`, with the whole names."""
        return f"{self[before]} \N{RIGHTWARDS ARROW} {self[after]}"


def _ends(name: str) -> str:
    return name if len(name) <= _SHORT else f"{name[:_HEAD]}…{name[_HEAD + 1 - _SHORT :]}"


NUMBERS = ClassNames()  # classes without names
