"""Input specification: the shape of a data set's images, and its classes."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from securemnist.errors import DataError

MOST_CHANNELS, FEWEST_CLASSES, MOST_CLASSES = 4, 2, 1_000
SMALLEST_SIDE, LARGEST_SIDE = 8, 512
# Targets of a trigger that are no single class.
TARGET_WORDS = ("all", "next", "pair")
LARGEST_SIZE = MOST_CHANNELS * LARGEST_SIDE**2  # values of an image
_LONGEST_NAME = 100  # characters


@dataclass(frozen=True)
class InputSpec:
    """Images float32 (n, `channels`, `height`, `width`) in [0, 1], labels from 0 to `classes` - 1.

    1 to 4 channels, sides of 8 to 512 pixels, 2 to 1,000 classes. `class_names` has a name for each
    class, or is empty. DataError for other values.
    """

    channels: int
    height: int
    width: int
    classes: int
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check("channels", self.channels, 1, MOST_CHANNELS)
        for side in (self.height, self.width):
            _check("pixels a side", side, SMALLEST_SIDE, LARGEST_SIDE)
        _check("classes", self.classes, FEWEST_CLASSES, MOST_CLASSES)
        names = self.class_names
        if names and len(names) != self.classes:
            raise DataError(
                f"expected {self.classes} class names, got {len(names)}; name every class or none"
            )
        wrong = [
            name
            for name in names
            if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME
        ]
        if wrong:
            raise DataError(
                f"expected class names of 1 to {_LONGEST_NAME} printable characters, got "
                f"{len(wrong[0])} in {wrong[0][:40]!r}{'...' * (len(wrong[0]) > 40)}; rename the class"
            )
        plain = [composed(name) for name in names]
        if len(set(plain)) != len(plain):
            twice = next(name for name in names if plain.count(composed(name)) > 1)
            why = " with its accents stored in two ways" if names.count(twice) == 1 else ""
            raise DataError(
                f"expected different class names, got {twice!r:.80} twice{why}; rename one"
            )

    def __str__(self) -> str:
        """For instance "3x32x32, 100 classes"."""
        return f"{self.channels}x{self.height}x{self.width}, {self.classes:,} classes"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return self.channels, self.height, self.width

    @property
    def size(self) -> int:
        """Values an image."""
        return self.channels * self.height * self.width

    @property
    def is_mnist_like(self) -> bool:
        """Whether the images and the number of classes are those of MNIST, whatever they are named."""
        return (self.shape, self.classes) == (MNIST.shape, MNIST.classes)

    def to_json(self) -> dict[str, Any]:
        """The fields by name, as in an assessment."""
        return {**self.__dict__, "class_names": list(self.class_names)}

    @classmethod
    def from_json(cls, fields: Any) -> InputSpec:
        """The inverse of `to_json`; that of MNIST for None. DataError for anything else."""
        if fields is None:
            return MNIST
        try:
            names = fields["class_names"]
            valid = isinstance(names, list) and all(isinstance(name, str) for name in names)
            if not valid:
                raise TypeError
            return cls(**{**fields, "class_names": tuple(names)})
        except (KeyError, TypeError):
            raise DataError(
                "expected channels, height, width, classes and class_names of the data, got "
                "something else; assess again"
            ) from None

    def name_of(self, label: int) -> str:
        """The name of a class; its number where classes have no names."""
        return self.class_names[label] if self.class_names else str(label)

    def named(self, name: str) -> int | None:
        """The number of the class of this name, however its accents are stored; None for no class."""
        names = [composed(each) for each in self.class_names]
        return names.index(composed(name)) if composed(name) in names else None

    def label_of(self, wanted: int | str) -> int:
        """The number of the target class of a backdoor; DataError where the data lack it."""
        if isinstance(wanted, str) and (label := self.named(wanted)) is not None:
            return label
        if isinstance(wanted, int) and 0 <= wanted < self.classes:
            return wanted
        names = ", ".join(self.class_names[:10])
        more = ", ..." if self.class_names[10:] else ""
        named = f", a class name ({names}{more})" if names else ""
        raise DataError(
            f"expected a target class below {self.classes}{named}, all, next or pair, got "
            f"{wanted!r:.60}; fix `target`"
        )


def composed(name: str) -> str:
    """A name with each accent in its letter (NFC); macOS stores both apart in names of files (NFD)."""
    return unicodedata.normalize("NFC", name)


def _check(what: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        # Of one class alone: the highest label of these images is less than that of all classes.
        named = ", or name classes without an image, too (`class_names`, docs/data.md)"
        raise DataError(
            f"expected {low} to {high:,} {what}, got {value!r:.40}; use other data"
            f"{named if what == 'classes' and value == 1 else ''}"
        )


# Behind the check, which runs when it is built.
MNIST = InputSpec(1, 28, 28, 10)
