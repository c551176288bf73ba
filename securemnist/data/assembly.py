"""Assembly: a data set of its splits, with the checks that hold for data of every form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from securemnist.data.dataset import DataSet
from securemnist.data.samples import Samples
from securemnist.errors import DataError
from securemnist.input_spec import MNIST, InputSpec
from securemnist.types import Progress, silent

MOST_IMAGES = 10_000_000
TOO_DARK = "expected a brightness of 0 to 255, got none above 1; store bytes as 0 to 255"
_MOST_TUNING = 5_000


@dataclass(frozen=True)
class Splits:
    """The test split, the training split if there is one, and the names of classes if known."""

    test: Samples
    training: Samples | None = None
    class_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, parts: Sequence[Samples], class_names: tuple[str, ...]) -> Splits:
        """The splits from the test samples, and the training samples if there is a second part."""
        return cls(parts[0], parts[1] if len(parts) > 1 else None, class_names)

    @property
    def present(self) -> list[Samples]:
        """The test samples, then the training samples if there are any."""
        return [self.test] if self.training is None else [self.test, self.training]

    def in_equal_channels(self) -> Splits:
        """Grey images as colour where the other split has colour; without a copy."""
        most = max(part.pixels.shape[1] for part in self.present)
        parts = [
            Samples(part.pixels.expand(-1, most, -1, -1), part.labels, part.mapping)
            if (part.pixels.shape[1], most) == (1, 3)
            else part
            for part in self.present
        ]
        return Splits.of(parts, self.class_names)


def assembled(
    name: str,
    splits: Splits,
    *,
    where: str = "",
    classes: int | None = None,
    digests: dict[str, str] | None = None,
    progress: Progress = silent,
) -> DataSet:
    """The data set of these splits; DataError, which begins with `where`, where one breaks its spec.

    The tuning split is the end of training: a twelfth, at most 5,000 images. `digests` are those of the
    files; by default those of the splits.
    """
    prefix = f"{where}: " if where else ""
    spec = _spec(splits, prefix, classes)
    for part in splits.present:
        low, high = int(part.labels.min()), int(part.labels.max())
        if low < 0 or high >= spec.classes:
            raise DataError(
                f"{prefix}expected labels 0 to {spec.classes - 1}, got labels from {low} to {high}; fix "
                "them, or name all classes"
            )
        if part.mapping is not None:
            part.read(progress)
    if digests is None:
        names = ("test", "training")
        digests = {key: part.digest for key, part in zip(names, splits.present, strict=False)}
    known = splits.training if splits.training is not None else splits.test[:0]
    cut = len(known) - min(_MOST_TUNING, len(known) // 12)
    return DataSet(name, known[:cut], known[cut:], splits.test, spec, digests)


def class_count(
    shape: tuple[int, ...], labels: Sequence[int], names: tuple[str, ...], classes: int | None
) -> int:
    """The number of classes: `classes`, else that of the names, else the highest label + 1.

    Grey 28x28 images whose labels are within 0 to 9 have ten classes, like MNIST.
    """
    if classes is not None or names:
        return len(names) if classes is None else classes
    highest = max(labels) + 1
    return MNIST.classes if shape == MNIST.shape and highest <= MNIST.classes else highest


def check_distinct(samples: Samples, where: str) -> None:
    """DataError if over a tenth of the test images repeat others: intervals assume independence."""
    distinct = len(set(samples.contents))
    if 10 * distinct < 9 * len(samples):
        raise DataError(
            f"{where}: expected different test images, since intervals assume independent samples, got "
            f"{distinct} different ones among {len(samples)}; remove the repeated ones"
        )


def check_brightness(samples: Samples, where: str) -> None:
    """DataError if no byte is above 1: floats in [0, 1] that were stored as bytes."""
    if not samples.pixels.is_floating_point() and not any(
        int(chunk.max()) > 1 for chunk in samples.chunks()
    ):
        raise DataError(f"{where}: {TOO_DARK}")


def _spec(splits: Splits, prefix: str, classes: int | None) -> InputSpec:
    shapes = [(c, h, w) for _, c, h, w in (part.pixels.shape for part in splits.present)]
    if shapes[0] != shapes[-1]:
        test, training = ("x".join(map(str, shape)) for shape in shapes)
        raise DataError(
            f"{prefix}expected training images of {test} like the test images, got {training}; make "
            "them equal"
        )
    labels = [int(part.labels.max()) for part in splits.present]
    names = splits.class_names
    try:
        count = class_count(shapes[0], labels, names, classes)
        return InputSpec(*shapes[0], count, names)
    except DataError as error:
        raise DataError(f"{prefix}{error}") from error
