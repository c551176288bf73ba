"""HDF5 files for tests, and the reader of the confined process in this one."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import pytest

from securemnist.confined import hdf5, process


def hdf5_file(write: Callable[[h5py.File], Any] = lambda _: None) -> bytes:
    """An HDF5 file with an array and what is written into it."""
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        opened["layer/kernel"] = np.zeros((2, 2), np.float32)
        write(opened)
    return file.getvalue()


def endless() -> bytes:
    """An HDF5 file whose heap has an object of size zero, at which the C library goes round for ever."""
    content = bytearray(hdf5_file(lambda file: file.attrs.update(model_config="{}")))
    (size,) = struct.unpack_from("<Q", content, content.index(b"GCOL") + 24)
    assert size == len("{}")
    struct.pack_into("<Q", content, content.index(b"GCOL") + 24, 0)
    return bytes(content)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader of HDF5 in this process, which saves the start of another."""

    def read(content: bytes, reader: str, settings: dict[str, Any], **_: object) -> process.Answer:
        assert reader == "HDF5"
        try:
            return process.Answer(*hdf5.read(content, **settings))
        except Exception as error:  # the child reports every error
            raise process.NothingRead(str(error)) from error

    monkeypatch.setattr(process, "read", read)
