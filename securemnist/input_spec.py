"""Input specification: the shape of a data set's images, and its classes."""

from __future__ import annotations

from dataclasses import dataclass

from securemnist.errors import DataError

MOST_CHANNELS, FEWEST_CLASSES, MOST_CLASSES = 4, 2, 1_000
SMALLEST_SIDE, LARGEST_SIDE = 8, 512
_LONGEST_NAME = 100  # characters


@dataclass(frozen=True)
class InputSpec:
    """Images float32 (n, `channels`, `height`, `width`) in [0, 1], labels from 0 to `classes` - 1.

    1 to 4 channels, sides of 8 to 512 pixels, 2 to 1,000 classes. `class_names` has a name for each
    class, or is empty. `noun` is the word for one sample in reports. DataError for other values.
    """

    channels: int
    height: int
    width: int
    classes: int
    class_names: tuple[str, ...] = ()
    noun: str = "image"

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
        if any(not name.strip() or len(name) > _LONGEST_NAME for name in names):
            raise DataError(
                f"expected class names of 1 to {_LONGEST_NAME} characters, got another; fix it"
            )
        if len(set(names)) != len(names):
            raise DataError("expected different class names, got one twice; rename one")

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

    def name_of(self, label: int) -> str:
        """The name of a class; its number where classes have no names."""
        return self.class_names[label] if self.class_names else str(label)


MNIST = InputSpec(1, 28, 28, 10, noun="digit")


def _check(what: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise DataError(f"expected {low} to {high:,} {what}, got {value!r:.40}; use other data")
