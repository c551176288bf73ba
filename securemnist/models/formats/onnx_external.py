"""Tensors of an ONNX file that lie in other files: regular ones beside it, of limited size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from securemnist._util.files import read_at_most
from securemnist.models.formats.refusal import AGAIN, MAX_BYTES, refused


def load(path: Path, tensors: Sequence[Any], onnx: Any) -> dict[str, bytes]:
    """Put external tensors of the file at `path` into memory; their files by name.

    WeightsError for a file elsewhere, a symbolic link, and more than `MAX_BYTES` in all.
    """
    files: dict[str, bytes] = {}
    total = 0
    for tensor in tensors:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        name, size = entries.get("location", ""), _size(path, tensor, onnx)
        total += size
        if total > MAX_BYTES:
            raise refused(
                path, f"at most {MAX_BYTES} bytes of tensors", "more", "use a smaller one"
            )
        if name not in files:
            files[name] = _read(path, name)
        tensor.raw_data = _part(path, files[name], entries, size)
        tensor.ClearField("external_data")
        tensor.data_location = onnx.TensorProto.DEFAULT
    return files


def _read(path: Path, name: str) -> bytes:
    beside = "put the file with the tensors beside the model"
    if leads_elsewhere(name):
        raise refused(path, "external data beside the model", f"{name!r:.80}", beside)
    try:
        return read_at_most(path.parent / name, MAX_BYTES, follow=False)
    except OSError as error:
        raise refused(path, f"tensors in {name!r:.60}", str(error.strerror), beside) from error


def leads_elsewhere(location: str) -> bool:
    """Whether a path of external data is not the name of a file beside the model."""
    plain = PurePosixPath(location).name == location and PureWindowsPath(location).name == location
    return not plain or location in ("", ".", "..") or "\0" in location


def _part(path: Path, content: bytes, entries: Mapping[str, str], size: int) -> bytes:
    """The `size` bytes of a tensor in its external file."""
    texts = (entries.get("offset", "0"), entries.get("length", str(size)))
    if not all(text.isascii() and text.isdigit() and len(text) < 20 for text in texts):
        raise refused(path, "an offset and a length", f"{texts!r:.60}", AGAIN)
    start, length = int(texts[0]), int(texts[1])
    if length != size or start + length > len(content):
        found = f"{length} bytes at {start} of {len(content)}"
        raise refused(path, f"external data of {size} bytes", found, AGAIN)
    return content[start : start + length]


def _size(path: Path, tensor: Any, onnx: Any) -> int:
    try:
        item = int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
    except KeyError as error:
        raise refused(path, "tensors of numbers", f"type {tensor.data_type}", AGAIN) from error
    return item * math.prod(max(0, int(dim)) for dim in tensor.dims)
