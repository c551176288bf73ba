"""Description: a TOML file with the path of data and what the data themselves do not say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from securemnist._util.parsing import toml_file
from securemnist._util.strict import Strict
from securemnist.data.layout import Layout
from securemnist.errors import DataError
from securemnist.input_spec import LARGEST_SIDE, MOST_CLASSES, SMALLEST_SIDE
from securemnist.results.validation_text import sentence

_Side = Annotated[int, Field(ge=SMALLEST_SIDE, le=LARGEST_SIDE)]


class Description(Strict):
    """Where data are, and how they are read.

    `path`: relative to the description. `layout` of arrays: "hw", "hwc" or "chw". `resize`: height and
    width of pictures, bilinear. `class_names`: a name for each class.
    """

    path: Annotated[str, Field(min_length=1)]
    layout: Layout | None = None
    resize: Annotated[list[_Side], Field(min_length=2, max_length=2)] | None = None
    class_names: tuple[str, ...] = Field(default=(), max_length=MOST_CLASSES, strict=False)

    @property
    def size(self) -> tuple[int, int] | None:
        return None if self.resize is None else (self.resize[0], self.resize[1])


def read(file: Path) -> tuple[Path, Description]:
    """The path that a description names, and the description; DataError where it is malformed."""
    table = toml_file(file, "a description of data", DataError)
    try:
        described = Description.model_validate(table)
    except ValidationError as error:
        raise DataError(f"{file}: {sentence(error, table)}") from error
    path = file.parent / described.path
    if path.suffix == ".toml":
        raise DataError(
            f"{file}: expected the path of data, got another description {described.path!r:.80}; name "
            "the data"
        )
    return path, described
