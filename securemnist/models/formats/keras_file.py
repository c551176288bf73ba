"""Keras 3 archives (`.keras`), untrusted until all checks pass; nothing in them is run here.

The file is read once and checked in this order: size limit; a ZIP archive of the three known members
with limited sizes; JSON; classes by an allowlist; an HDF5 file of plain numbers inside the file itself,
which a confined process reads.
"""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.numpy

from securemnist._util.hashing import sha256
from securemnist._util.parsing import json_object
from securemnist.confined import process
from securemnist.errors import ParseError, first_line
from securemnist.models.formats.keras_classes import TENSOR, is_known
from securemnist.models.formats.refusal import FACTORY, MAX_BYTES, content, refused

MAX_CONFIG, MAX_OBJECTS = 16 << 20, 20_000
SECONDS = 60  # of the process that reads the weights
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# What zipfile and its decompressors raise.
_DAMAGED = (
    *(zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError),
    *(zlib.error, lzma.LZMAError),
)
_AGAIN = "save it again with model.save('model.keras') in Keras 3"


@dataclass(frozen=True)
class KerasFile:
    """A checked archive: the configuration, arrays by their path, the file's SHA-256 and bytes."""

    config: dict[str, Any]
    weights: dict[str, Any]
    digests: dict[str, str]
    size: int


def read(path: Path) -> KerasFile:
    """The checked archive at `path`; WeightsError in one sentence for the first failed check."""
    packed = content(path)
    members = _members(path, packed)
    try:
        config = json_object(members[CONFIG])
    except ParseError as error:
        raise refused(path, "JSON in config.json", str(error), _AGAIN) from error
    # Optimizer and losses, which nothing builds: a trained model names them, and is read without.
    config.pop("compile_config", None)
    _check_classes(path, config)
    weights = _arrays(path, members[WEIGHTS])
    return KerasFile(config, weights, {path.name: sha256(packed)}, len(packed))


def _members(path: Path, packed: bytes) -> dict[str, bytes]:
    """The members of the archive, unpacked to the sizes that it states."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if sorted(names) != sorted((CONFIG, METADATA, WEIGHTS)):
                found = ", ".join(sorted(names)[:5])
                known = f"{CONFIG}, {METADATA} and {WEIGHTS}"
                raise refused(path, f"an archive of {known}", found or "none", _AGAIN)
            limits = {CONFIG: MAX_CONFIG, METADATA: MAX_CONFIG, WEIGHTS: MAX_BYTES}
            large = [entry for entry in entries if entry.file_size > limits[entry.filename]]
            if large:
                found = f"{large[0].file_size} bytes"
                limit = f"at most {limits[large[0].filename]} bytes in {large[0].filename}"
                raise refused(path, limit, found, "use a smaller model")
            # Reading stops at the size that was checked, and the checksum then fails.
            return {entry.filename: archive.read(entry) for entry in entries}
    except _DAMAGED as error:
        raise refused(path, "a Keras 3 archive", first_line(error), _AGAIN) from error


def _check_classes(path: Path, config: dict[str, Any]) -> None:
    """WeightsError for a class that is not in the allowlist, at any depth."""
    objects = 0
    for entry in dictionaries(config):
        name = entry.get("class_name")
        if name is None or (name == TENSOR and "module" not in entry):
            continue
        objects += 1
        if not is_known(entry.get("module"), name) or entry.get("registered_name") not in (
            None,
            name,
        ):
            raise refused(
                path, "known layers of Keras", f"{name!r:.80}", f"{_WITHOUT}, or {FACTORY}"
            )
    if not 1 <= objects <= MAX_OBJECTS:
        raise refused(path, f"1 to {MAX_OBJECTS:,} layers", f"{objects:,}", _AGAIN)


_WITHOUT = "build the model without it (Lambda and layers of your own are code)"


def dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    """All dictionaries in a JSON value, without recursion."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            yield each
            pending += each.values()
        elif isinstance(each, list):
            pending += each


def _arrays(path: Path, packed: bytes) -> dict[str, Any]:
    """The arrays of the HDF5 file by their path; WeightsError unless it holds those only, in itself."""
    try:
        answer = process.read(packed, "HDF5", {"limit": MAX_BYTES}, seconds=SECONDS)
        return safetensors.numpy.load(answer.packed)
    except (process.NothingRead, safetensors.SafetensorError) as error:
        raise refused(path, f"numbers as HDF5 in {WEIGHTS}", first_line(error), _AGAIN) from error
