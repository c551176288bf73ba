"""Class names: how reports call the classes of a data set, and which of many classes they show."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence

from securemnist.errors import DataError
from securemnist.input_spec import InputSpec
from securemnist.sanitize import line

Names = Callable[[int], str]
SHOWN = 20  # classes; of more, the worst are shown
_LONGEST = 40  # characters


def names_of(subject: Mapping[str, object]) -> Names:
    """The name of each class of an assessment's data, sanitised.

    It is the number of the class where the assessment has no valid names.
    """
    data, names = subject.get("data"), []
    with contextlib.suppress(DataError):  # a stored assessment may hold anything
        spec = InputSpec.from_json(data.get("spec") if isinstance(data, Mapping) else None)
        names = [line(name, _LONGEST) for name in spec.class_names]
    return lambda label: names[label] if label < len(names) else str(label)


def worst_classes(badness: Sequence[float | None]) -> list[int]:
    """Up to SHOWN classes: all in their order, or of more the worst ones, the worst first.

    `badness` is None for a class without images.
    """
    if len(badness) <= SHOWN:
        return list(range(len(badness)))
    known = [(value, label) for label, value in enumerate(badness) if value is not None]
    return [label for _, label in sorted(known, key=lambda pair: (-pair[0], pair[1]))[:SHOWN]]
