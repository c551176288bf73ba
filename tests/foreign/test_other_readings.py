"""Triage of files that are of two formats: what another reader would run is no clean file."""

from __future__ import annotations

import contextlib
import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from securemnist.foreign.hdf5_file import MAGIC
from securemnist.foreign.outcome import Outcome
from securemnist.foreign.triage import judge
from tests.confined.files import hdf5_file, in_process  # noqa: F401 # a fixture
from tests.foreign.checkpoints import archive
from tests.foreign.hostile_pickles import CANARY, TOUCH
from tests.models.formats.onnx_graphs import linear

M, U = Outcome.MALICIOUS, Outcome.UNKNOWN
KERAS = archive({"config.json": b'{"class_name": "Lambda"}'})


def _numbers(content: bytes) -> bytes:
    """A file of safetensors with one tensor of these bytes."""
    return safetensors.torch.save({"w": torch.frombuffer(bytearray(content), dtype=torch.uint8)})


def _array(content: bytes) -> bytes:
    np.save(packed := io.BytesIO(), np.frombuffer(content, np.uint8))
    return packed.getvalue()


def _onnx(content: bytes) -> bytes:
    """A model with a field of these bytes, number 99, which no reader knows."""
    field = b"\x9a\x06" + _varint(len(content)) + content
    return bytes(linear().SerializeToString()) + field


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _pickle_in_numbers() -> bytes:
    """A length of 0x2058 is the start of a text of 32 bytes, then V skips the header, up to a line."""
    data = TOUCH + b"."
    entry = f'"w":{{"dtype":"U8","shape":[{len(data)}],"data_offsets":[0,{len(data)}]}}'
    start = '{"__metadata__":{"a":"'
    header = f'{start}{"a" * (29 - len(start))}V"}},{entry}}}'
    return struct.pack("<Q", 0x2058) + header.ljust(0x2057).encode() + b"\n" + data


def _at_512(build: Callable[[bytes], bytes], place: int = 512) -> bytes:
    """A file with the mark of HDF5 behind a block of the user of 512 bytes, or of more."""
    before = build(MAGIC + bytes(4096)).index(MAGIC)
    return build(bytes(place - before) + MAGIC + bytes(4096 - place + before))


def _keras(content: bytes) -> bytes:
    """An archive of Keras whose metadata, which no check reads, are these bytes."""
    config = b'{"class_name": "Dense", "module": "keras.layers"}'
    members = {"metadata.json": content, "config.json": config}
    return archive({**members, "model.weights.h5": hdf5_file()})


def _state_dict(content: bytes) -> bytes:
    values = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    torch.save({"w": values}, packed := io.BytesIO())
    return packed.getvalue()


def _old_tar() -> bytes:
    """A file whose metadata, in the first block, are the digits of a TAR header with its checksum."""
    block = _with_metadata("0" * 500)[:512]
    total = sum(block[:148] + b" " * 8 + block[156:])
    start = block.index(b"000")
    return _with_metadata("0" * (148 - start) + f"{total:07o} ".ljust(500 - (148 - start), "0"))


def _with_metadata(text: str) -> bytes:
    return safetensors.torch.save({"w": torch.zeros(1)}, {"a": text})


BOTH: dict[str, tuple[Callable[[], bytes], Outcome]] = {
    "a pickle in safetensors": (_pickle_in_numbers, M),
    "an archive of Keras in safetensors": (lambda: _numbers(KERAS), U),
    "an archive of Keras in ONNX": (lambda: _onnx(KERAS), U),
    "an archive of Keras in an array": (lambda: _array(KERAS), U),
    "HDF5 in safetensors": (lambda: _at_512(_numbers), U),
    "HDF5 in an array": (lambda: _at_512(_array), U),
    "HDF5 in an archive of Keras": (lambda: _at_512(_keras), U),
    "HDF5 in a checkpoint": (lambda: _at_512(_state_dict, 2048), U),
    "a TAR archive in safetensors": (_old_tar, U),
}


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("name", BOTH)
def test_a_file_of_two_formats_refused(name: str) -> None:
    """A file whose first bytes are harmless, and that another reader accepts as well, is not clean."""
    build, outcome = BOTH[name]
    judged = judge(build())
    assert judged.outcome is outcome, (judged.kind, judged.reasons)


def test_the_files_are_of_two_formats(cwd: Path) -> None:
    """Each is read by both readers: the pickle runs as torch would run it, and archives are opened."""
    content = _pickle_in_numbers()
    assert list(safetensors.torch.load(content)) == ["w"]
    with contextlib.suppress(pickle.UnpicklingError):
        pickle.loads(content)
    assert Path(CANARY).is_dir()
    for build in (_numbers, _onnx, _array):
        with zipfile.ZipFile(io.BytesIO(build(KERAS))) as opened:
            assert opened.namelist() == ["config.json"]
    assert tarfile.TarInfo.frombuf(_old_tar()[:512], "utf-8", "surrogateescape").chksum


@pytest.mark.parametrize("build", [_numbers, _onnx, _array])
def test_files_of_one_format_are_clean(build: Callable[[bytes], bytes]) -> None:
    """Numbers at random, in a file of any length, are no other format."""
    for size in range(1, 200, 7):
        judged = judge(build(np.random.default_rng(size).bytes(size)))
        assert judged.outcome is Outcome.CLEAN, judged.reasons


@pytest.mark.parametrize("value", [10, 46, 0])
def test_any_length_of_a_header_is_clean(value: int) -> None:
    """A header whose length begins as any instruction of a pickle, behind it many ends of lines."""
    header = b'{"w":{"dtype":"U8","shape":[64],"data_offsets":[0,64]}}'
    for length in (*range(256, 512), *range(1024, 1280)):
        content = length.to_bytes(8, "little") + header.ljust(length) + bytes([value]) * 64
        judged = judge(content)
        assert judged.outcome is Outcome.CLEAN, (length, judged.reasons)


@pytest.mark.usefixtures("in_process")
def test_weights_of_keras_at_such_a_place_are_clean() -> None:
    """An archive whose weights happen to lie where HDF5 may begin is judged by them."""
    place = _keras(b"{}").index(MAGIC)
    content = _keras(b"{}".ljust(1024 - place + 2))
    assert content.index(MAGIC) == 1024
    assert judge(content).outcome is Outcome.CLEAN
