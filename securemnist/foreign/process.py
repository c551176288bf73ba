"""A checkpoint read in a confined process; only safetensors come back, checked as any file."""

from __future__ import annotations

from typing import Any

import torch

from securemnist._util.tensor_file import Expected, read_header, read_tensors
from securemnist.confined import process
from securemnist.confined.process import MAX_TENSOR_BYTES, SECONDS, Answer, NothingRead
from securemnist.errors import ParseError, SecureMnistError
from securemnist.results.json_model import table

# Types of tensors that are imported, in the notation of safetensors.
DTYPES = ("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL")


def read(content: bytes, kind: str, key: str | None = None, *, seconds: int = SECONDS) -> Answer:
    """The state dict of a checkpoint as safetensors; SecureMnistError where it is refused."""
    settings = {"kind": kind, "key": key, "limit": MAX_TENSOR_BYTES}
    try:
        return process.read(content, "checkpoint", settings, seconds=seconds)
    except NothingRead as error:
        said = f"{error}"
        if not said.startswith("expected "):  # a sentence of `mappings`
            said = f"expected tensors from the confined process, got {said:.200}"
        raise SecureMnistError(f"{said}; nothing was imported") from error


def checked(packed: bytes) -> dict[str, torch.Tensor]:
    """The tensors of safetensors bytes: known types, contiguous, finite; SecureMnistError otherwise."""
    try:
        header = read_header(packed)
        expected = {
            name: _form(name, entry)
            for name, entry in header.entries.items()
            if name != "__metadata__"
        }
        return read_tensors(packed, header, expected, "the checkpoint")
    except ParseError as error:
        raise SecureMnistError(f"{error}; nothing was imported") from error


def _form(name: str, entry: Any) -> Expected:
    dtype, shape = (table(entry).get(key) for key in ("dtype", "shape"))
    if dtype not in DTYPES:
        raise ParseError(
            f"expected a type of {', '.join(DTYPES)}, got {dtype!r:.40} in {name!r:.80}"
        )
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise ParseError(f"expected a shape, got {shape!r:.40} in {name!r:.80}")
    return Expected(dtype, shape)


def as_float32(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors of 16 bits as float32, which keeps every value; others as they are."""
    short = (torch.float16, torch.bfloat16)
    return {name: each.float() if each.dtype in short else each for name, each in tensors.items()}
