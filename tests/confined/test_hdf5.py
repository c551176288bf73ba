"""HDF5 files read by a process of their own: arrays and triage, and files that hang the C library."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import safetensors.numpy

from securemnist.confined import process
from securemnist.errors import WeightsError
from securemnist.foreign import hdf5_file as triage
from securemnist.foreign.outcome import Outcome
from securemnist.foreign.triage import judge
from securemnist.models.formats import keras_file
from tests.confined.files import endless, hdf5_file


def test_arrays_come_back_as_they_are() -> None:
    """Arrays of all types, scalars and empty ones return by their paths, in this machine's order."""
    wanted = {
        "a/b/0": np.arange(6, dtype=">f4").reshape(2, 3),
        "a/b/1": np.array([True, False]),
        "c": np.float64(1.5),
        "d": np.zeros((0, 3), np.uint8),
        "a/e": np.arange(3)[::-1],
    }
    content = hdf5_file(lambda file: [file.__setitem__(*each) for each in wanted.items()])
    answer = process.read(content, "HDF5", {"limit": 1 << 10})
    found = safetensors.numpy.load(answer.packed)
    assert set(found) == {*wanted, "layer/kernel"}
    for name, value in wanted.items():
        assert found[name].dtype == np.asarray(value).dtype.newbyteorder("=")
        np.testing.assert_array_equal(found[name], value)
    assert json.loads(process.read(content, "HDF5", {"limit": None}).packed)["reasons"] == []


def test_texts_and_other_types_are_read_without_a_further_module() -> None:
    """Texts of both codecs, as in an older Keras file, and other types import nothing in the process."""

    def fill(file: h5py.File) -> None:
        for number, codec in enumerate(("ascii", "utf-8")):
            texts = file.create_group(f"optimizer {number}")
            texts.create_dataset("text", data=["a"] * 9, dtype=h5py.string_dtype(codec))
            texts.create_dataset("short", data=b"ab", dtype=h5py.string_dtype(codec, 3))
            texts.attrs["name"] = np.array([b"a", b"b"])
        file.attrs.update(one="ä", short=np.bytes_(b"b"), raw=np.void(b"\x80"))
        file.create_dataset("named", data=np.zeros(2, "i1"), dtype=h5py.enum_dtype({"a": 0}, "i1"))
        file.create_dataset("half", data=np.zeros((2, 2), "f2"), chunks=(1, 2), shuffle=True)

    found = json.loads(process.read(hdf5_file(fill), "HDF5", {"limit": None}).packed)
    texts = [["one", "\xc3\xa4"], ["raw", "\x80"], ["short", "b"]]
    assert found == {"reasons": [], "configs": {}, "texts": texts}


def test_file_that_hangs_the_library_is_not_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The triage of a file at which HDF5 goes round for ever ends in time, and nothing passes."""
    monkeypatch.setattr(triage, "SECONDS", 2)
    begun = time.monotonic()
    judged = judge(endless())
    assert judged.outcome is Outcome.UNKNOWN
    assert "the confined process" in str(judged.reasons[0])
    assert time.monotonic() - begun < 30


def test_model_whose_weights_give_no_answer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that the process does not read in time are refused in one sentence."""
    monkeypatch.setattr(keras_file, "SECONDS", 0.01)
    layer = {"class_name": "Sequential", "module": "keras", "config": {}}
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(layer))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", hdf5_file())
    with pytest.raises(WeightsError, match=r"numbers as HDF5 .* got none within 0\.01 s; save"):
        keras_file.read(path)
