"""What a row is measured against beside model and data: files, folders, data sets and models it names.

Their SHA-256 is recorded, so that two numbers that were measured against different ones are not compared.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from securemnist import data
from securemnist._util.files import expecting, read_at_most
from securemnist._util.hashing import sha256, sha256_of_value
from securemnist.data import DataSet
from securemnist.errors import MeasureError
from securemnist.evaluation.context import Context
from securemnist.evaluation.project_context import ProjectContext
from securemnist.models.loading import Subject, resolve

_LARGEST = 2 << 30  # bytes of a file


def _inside(path: str) -> str:
    """The path; ValueError for one that leads out of the project's folder."""
    outside = os.path.isabs(path) or os.path.normpath(path).split(os.sep)[0] == os.pardir
    if outside or not path or "\0" in path:
        raise ValueError(f"expected a path inside the project's folder, got {path!r:.80}")
    return path


def _all_inside(paths: list[str]) -> list[str]:
    return [_inside(path) for path in paths]


InsidePath = Annotated[str, AfterValidator(_inside)]
InsidePaths = Annotated[list[str], AfterValidator(_all_inside)]


def other_data(context: Context, path: str) -> DataSet:
    """The data set at `path`, seen from the project's folder; DataError where there is none."""
    place = context.project / path
    return context.cached(("other data", path), lambda: data.load(place, progress=context.progress))


def other_model(context: Context, spec: str) -> Subject:
    """The model of a SPEC for the images of the context, on the device of its model."""
    return context.cached(
        ("other model", spec),
        lambda: resolve(spec, device=context.subject.device, input_spec=context.data.spec),
    )


def of_files(context: ProjectContext, *names: str | None) -> dict[str, str]:
    """SHA-256 by name of files, and of the files that lie in folders, seen from the project's folder.

    None names nothing. MeasureError for what cannot be read.
    """
    return {name: digest(context.project / name) for name in names if name is not None}


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the files that lie in a folder; MeasureError as above."""
    advice = "restore it, and measure again"
    with expecting(path, "a readable file or folder", advice, MeasureError):
        if not path.is_dir():
            return sha256(read_at_most(path, _LARGEST))
        files = sorted(file for file in path.iterdir() if file.is_file())
        return sha256_of_value({file.name: digest(file) for file in files})
