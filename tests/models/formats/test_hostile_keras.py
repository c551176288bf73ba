"""Malformed and hostile Keras archives: each is refused in one sentence, and no code runs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from securemnist.confined import hdf5
from securemnist.errors import WeightsError
from securemnist.models.formats import keras_file, refusal
from securemnist.models.loading import resolve
from tests.confined.files import in_process  # noqa: F401 # a fixture
from tests.error_form import one_sentence
from tests.models.formats import keras_models
from tests.models.formats.keras_models import changed, config

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A valid archive."""
    path = tmp_path_factory.mktemp("keras") / "net.keras"
    return keras_models.saved(keras_models.small(), path).read_bytes()


@pytest.fixture
def path(archive: bytes, tmp_path: Path) -> Path:
    """A file of the valid archive."""
    file = tmp_path / "net.keras"
    file.write_bytes(archive)
    return file


def first_layer(value: dict[str, Any]) -> dict[str, Any]:
    """The first layer behind the input."""
    layer: dict[str, Any] = value["config"]["layers"][1]
    return layer


def last_layer(value: dict[str, Any]) -> dict[str, Any]:
    """The last layer, which is dense."""
    layer: dict[str, Any] = value["config"]["layers"][-1]
    return layer


def huge_layer(value: dict[str, Any]) -> None:
    """Weights of 128 GiB."""
    last_layer(value)["config"].update(units=1 << 25)


def as_class(module: str | None, name: object) -> Callable[[dict[str, Any]], Any]:
    """A change that makes the first layer another class."""
    return lambda value: first_layer(value).update(module=module, class_name=name)


def with_setting(**settings: Any) -> Callable[[dict[str, Any]], Any]:
    """A change of settings of the first layer."""
    return lambda value: first_layer(value)["config"].update(settings)


CODE = {"class_name": "__lambda__", "config": {"value": ["4wEA", None, None]}}
CONFIGS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "Lambda": (as_class("keras.layers", "Lambda"), "known layers of Keras, got 'Lambda'"),
    "code as activation": (with_setting(activation=CODE), "got '__lambda__'"),
    "os.system": (as_class("os", "system"), "got 'system'"),
    "pickle": (as_class("pickle", "loads"), "got 'loads'"),
    "builtin": (as_class("builtins", "eval"), "got 'eval'"),
    "a download": (as_class("keras.utils", "get_file"), "got 'get_file'"),
    "vocabulary of a file": (as_class("keras.layers", "StringLookup"), "got 'StringLookup'"),
    "torch module": (as_class("keras.layers", "TorchModuleWrapper"), "got 'TorchModuleWrapper'"),
    "other module of a layer": (as_class("os", "Dense"), "got 'Dense'"),
    "no module": (as_class(None, "Dense"), "got 'Dense'"),
    "module of another type": (lambda value: first_layer(value).update(module=[]), "got 'Conv2D'"),
    "class of another type": (as_class("keras.layers", ["Dense"]), "got ['Den"),
    "registered class": (
        lambda value: first_layer(value).update(registered_name="my>Dense"),
        "got 'Conv2D'",
    ),
    "unknown activation": (with_setting(activation="no_such"), "expected layers that Keras builds"),
    "wrong type": (with_setting(filters="many"), "expected layers that Keras builds"),
    "huge layer": (huge_layer, "bytes of weights, got 19461571384"),
    "endless layer": (with_setting(filters=10**30), "expected"),
    "other shape": (with_setting(filters=5), "expected"),
    "two layers too many": (
        lambda value: value.update(
            more=[{"class_name": "Dense", "module": "keras.layers"}] * 20_001
        ),
        "1 to 20,000 layers",
    ),
    "no layers": (lambda value: value.clear(), "1 to 20,000 layers, got 0"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_hostile_configuration_refused(name: str, path: Path) -> None:
    """A configuration that names code, or layers that do not fit in memory, is refused."""
    change, words = CONFIGS[name]
    refused(changed(path, config_json=config(change)), words)


def test_huge_activation_refused(tmp_path: Path) -> None:
    """A small file whose activations do not fit in memory is refused."""
    keras = keras_models.keras()
    pooling = keras.layers.GlobalAveragePooling2D()
    layers = [keras.Input((28, 28, 1)), keras.layers.UpSampling2D(400), pooling]
    model = keras.Sequential([*layers, keras.layers.Dense(10)])
    path = keras_models.saved(model, tmp_path / "net.keras")
    refused(path, "at most 16,777,216 values a sample, got 125,440,000")


def changed_weights(write: Callable[[h5py.File], Any]) -> Callable[[bytes], bytes]:
    """A change of the weights."""

    def edited(content: bytes) -> bytes:
        buffer = io.BytesIO(content)
        with h5py.File(buffer, "r+") as file:
            write(file)
        return buffer.getvalue()

    return edited


def external_data(file: h5py.File) -> None:
    """A data set whose numbers are bytes of another file."""
    file.create_dataset("e", (8,), "u1", external=[("/etc/passwd", 0, 8)])


def virtual_data(file: h5py.File) -> None:
    """A data set that shows another file's."""
    layout = h5py.VirtualLayout((8,), "f4")
    layout[:] = h5py.VirtualSource("/other.h5", "d", (8,))
    file.create_virtual_dataset("v", layout)


def link(target: Any) -> Callable[[h5py.File], None]:
    """A link instead of a data set."""
    return lambda file: file.__setitem__("link", target)


def no_weights(file: h5py.File) -> None:
    """A file without the layers' weights."""
    for name in list(file):
        del file[name]


WEIGHTS: dict[str, tuple[Callable[[h5py.File], Any], str]] = {
    "external file": (external_data, "numbers as HDF5 in model.weights.h5, got 'e'"),
    "virtual": (virtual_data, "got 'v' with a link, a filter or other data"),
    "external link": (link(h5py.ExternalLink("/etc/passwd", "/")), "got 'link'"),
    "soft link": (link(h5py.SoftLink("/layers")), "got 'link'"),
    "strings": (lambda f: f.create_dataset("s", data="text"), "got 's'"),
    "packed": (
        lambda f: f.create_dataset("p", data=np.zeros(99), compression="gzip"),
        "got 'p' with a link, a filter or other data",
    ),
    "huge": (
        lambda f: f.create_dataset("h", (1 << 40,), "f4"),
        "more than 536870912 bytes of arrays",
    ),
    "circle": (lambda f: f.__setitem__("c", f["layers"].parent), "got"),
    "none": (no_weights, "expected weights of its layers"),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_hostile_weights_refused(name: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights elsewhere than in the file, or too large, are refused before Keras reads them."""
    monkeypatch.setattr(hdf5, "MAX_OBJECTS", 500)
    write, words = WEIGHTS[name]
    with zipfile.ZipFile(path) as archive:
        contents = {each: archive.read(each) for each in archive.namelist()}
    contents["model.weights.h5"] = changed_weights(write)(contents["model.weights.h5"])
    keras_models.write(path, contents)
    refused(path, words)


ARCHIVES: dict[str, tuple[Callable[[dict[str, bytes]], Any], str]] = {
    "pickle inside": (lambda c: c.update({"evil.pkl": b"\x80\x04."}), "expected an archive of"),
    "a path": (lambda c: c.update({"../config.json": b"{}"}), "expected an archive of"),
    "assets": (lambda c: c.update({"assets/vocabulary.txt": b"a"}), "expected an archive of"),
    "no weights": (lambda c: c.pop("model.weights.h5"), "expected an archive of"),
    "no JSON": (lambda c: c.update({"config.json": b"{"}), "expected JSON in config.json"),
    "a list": (lambda c: c.update({"config.json": b"[]"}), "expected JSON in config.json"),
    "deep": (lambda c: c.update({"config.json": b"[" * 99_999}), "expected JSON in config.json"),
    "no HDF5": (lambda c: c.update({"model.weights.h5": b"pickle"}), "expected numbers as HDF5"),
    "large configuration": (
        lambda c: c.update({"config.json": b" " * (keras_file.MAX_CONFIG + 1)}),
        "at most 16777216 bytes in config.json",
    ),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_hostile_archive_refused(name: str, path: Path) -> None:
    """An archive with other, missing, malformed or large members is refused."""
    change, words = ARCHIVES[name]
    with zipfile.ZipFile(path) as archive:
        contents = {each: archive.read(each) for each in archive.namelist()}
    change(contents)
    keras_models.write(path, contents)
    refused(path, words)


def test_zip_bomb_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members are unpacked to the limit at most, by their stated size and by what they hold."""
    monkeypatch.setattr(keras_file, "MAX_BYTES", 1_000)
    refused(path, "at most 1000 bytes in model.weights.h5")
    monkeypatch.undo()
    content = path.read_bytes()
    size = next(e for e in zipfile.ZipFile(path).infolist() if "weights" in e.filename).file_size
    # Both headers state ten bytes; more would be unpacked.
    path.write_bytes(content.replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little")))
    refused(path, "expected")


@pytest.mark.parametrize(
    "content", [b"", b"\x89HDF\r\n\x1a\n" + bytes(99), b"PK\x05\x06"], ids=repr
)
def test_other_content_refused(content: bytes, tmp_path: Path) -> None:
    """Bytes that are no archive, older Keras files among them, are refused."""
    file = tmp_path / "net.keras"
    file.write_bytes(content)
    refused(file, "a Keras 3 archive")


def test_large_and_missing_files_refused(tmp_path: Path) -> None:
    """A file above the limit, and none, are refused."""
    file = tmp_path / "net.keras"
    refused(file, "got No such file")
    with file.open("wb") as opened:
        opened.truncate(refusal.MAX_BYTES + 1)
    refused(file, "got more than 536870912 bytes")


def refused(path: Path, words: str) -> None:
    """The file is refused in one sentence with these words."""
    with pytest.raises(WeightsError) as caught:
        resolve(str(path))
    text = one_sentence(caught.value)
    assert text.startswith(f"{path}: expected")
    assert words in text
