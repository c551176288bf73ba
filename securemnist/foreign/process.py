"""A checkpoint read in a confined process; only safetensors come back."""

from __future__ import annotations

from securemnist.confined import process
from securemnist.confined.process import MAX_TENSOR_BYTES, SECONDS, Answer, NothingRead
from securemnist.errors import SecureMnistError


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
