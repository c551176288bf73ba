"""Description: a TOML file with the path of data and what the data themselves do not say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from securemnist._util.files import read_at_most
from securemnist._util.parsing import MAX_TOML_BYTES, decoded, toml_table
from securemnist.data.layout import Layout
from securemnist.errors import DataError, ParseError
from securemnist.input_spec import LARGEST_SIDE, MOST_CLASSES, SMALLEST_SIDE

_Side = Annotated[int, Field(ge=SMALLEST_SIDE, le=LARGEST_SIDE)]


class Description(BaseModel):
    """Where data are, and how they are read.

    `path`: relative to the description. `layout` of arrays: "hw", "hwc" or "chw". `resize`: height and
    width of pictures, bilinear. `class_names`: a name for each class.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    path: Annotated[str, Field(min_length=1)]
    layout: Layout | None = None
    resize: Annotated[list[_Side], Field(min_length=2, max_length=2)] | None = None
    class_names: Annotated[list[str], Field(max_length=MOST_CLASSES)] = Field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """The class names; empty where they are not named."""
        return tuple(self.class_names)

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width that pictures are resized to."""
        return None if self.resize is None else (self.resize[0], self.resize[1])


def read(file: Path) -> tuple[Path, Description]:
    """The path that a description names, and the description; DataError where it is malformed."""
    try:
        table = toml_table(decoded(read_at_most(file, MAX_TOML_BYTES)))
        described = Description.model_validate(table)
    except OSError as error:
        raise DataError(
            f"{file}: expected a description of data, got {error.strerror}; name another"
        ) from error
    except ParseError as error:
        raise DataError(f"{file}: expected TOML, got {error}; fix it (docs/data.md)") from error
    except ValidationError as error:
        raise DataError(f"{file}: {_reason(error.errors()[0])}") from error
    path = file.parent / described.path
    if path.suffix == ".toml":
        raise DataError(
            f"{file}: expected the path of data, got another description {described.path!r:.80}; name "
            "the data"
        )
    return path, described


def _reason(error: Any) -> str:
    key = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        known = ", ".join(Description.model_fields)
        return f"expected the keys {known}, got {key!r:.80}; remove it"
    if error["type"] == "missing":
        return f"expected the key {key!r}, got none; add it"
    return (
        f"expected another value of {key!r:.80}, got {error['input']!r:.80}: {error['msg']}; fix it"
    )
