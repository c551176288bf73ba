"""Triage of Keras and HDF5 files: code, files elsewhere and other classes are found, models are clean."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from securemnist.foreign.outcome import Outcome
from securemnist.foreign.triage import judge
from tests.confined.files import hdf5_file, in_process  # noqa: F401 # a fixture
from tests.foreign.checkpoints import archive
from tests.foreign.hostile_pickles import EVIL

pytestmark = pytest.mark.usefixtures("in_process")
M, U, C = Outcome.MALICIOUS, Outcome.UNKNOWN, Outcome.CLEAN


def own(name: str, module: str = "keras.layers", /, **config: Any) -> dict[str, Any]:
    """The entry of a class of Keras."""
    entry = {"module": module, "class_name": name, "config": config}
    return {**entry, "registered_name": None}


@pytest.fixture
def members() -> dict[str, bytes]:
    """The members of an archive as Keras writes it."""
    start = own("GlorotUniform", "keras.initializers", seed=None)
    policy = own("DTypePolicy", "keras", name="float32")
    images = own("InputLayer", batch_shape=[None, 28, 28, 1], dtype="float32")
    layer = own("Conv2D", filters=2, kernel_initializer=start, dtype=policy, activation="relu")
    layer["inbound_nodes"] = [{"args": [{"class_name": "__keras_tensor__", "config": {}}]}]
    config = own("Functional", "keras.src.models.functional", layers=[images, layer])
    config["compile_config"] = {"optimizer": own("Adam", "keras.optimizers"), "loss": "mse"}
    return {
        "metadata.json": b'{"keras_version": "3.15.1"}',
        "config.json": json.dumps(config).encode(),
        "model.weights.h5": hdf5_file(),
    }


def test_archive_is_clean(members: dict[str, bytes]) -> None:
    """An archive of layers of Keras and numbers is clean, compiled or not, packed or not."""
    for compressed in (False, True):
        judged = judge(archive(members, compressed=compressed))
        assert (judged.outcome, judged.kind) == (Outcome.CLEAN, "Keras 3 archive"), judged.reasons


def packed(members: dict[str, bytes], **more: bytes) -> bytes:
    """The archive of these members."""
    return archive(members | more)


def layer(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    """A change of the first layer."""
    return lambda config: config["config"]["layers"][1].update(changes)


def setting(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    """A change of settings of the first layer."""
    return lambda config: config["config"]["layers"][1]["config"].update(changes)


CODE = {"class_name": "__lambda__", "config": {"value": ["4wEA", None, None]}}
EXEC = {"module": "builtins", "class_name": "exec", "config": {}, "registered_name": None}
FUNCTION = {"module": "builtins", "class_name": "function", "config": "eval"}
CONFIGS: dict[str, tuple[Callable[[dict[str, Any]], Any], Outcome]] = {
    "Lambda": (layer(module="keras.layers", class_name="Lambda"), M),
    "Lambda without a module": (layer(module=None, class_name="Lambda"), M),
    "code as activation": (setting(activation=CODE), M),
    "builtins in an initializer": (setting(kernel_initializer=EXEC), M),
    "function of builtins": (setting(activation=FUNCTION), M),
    "class of a program": (layer(module="subprocess", class_name="Popen"), M),
    "module of the project": (layer(module="my_layers", class_name="Dense"), M),
    "download": (layer(module="keras.utils", class_name="get_file"), M),
    "module of torch": (layer(module="keras.layers", class_name="TorchModuleWrapper"), M),
    "graph of TensorFlow": (layer(module="keras.layers", class_name="TFSMLayer"), M),
    "vocabulary of a file": (layer(module="keras.layers", class_name="StringLookup"), M),
    "registered class": (layer(registered_name="my>Dense"), M),
    "module of another type": (layer(module={}), M),
    "class of another type": (layer(class_name=["Dense"]), M),
    "module without a class": (setting(activation={"module": "os", "config": "system"}), M),
    "compile of a loss": (lambda config: config.update(compile_config={"loss": EXEC}), M),
    "layer outside the list": (layer(class_name="LSTM"), U),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_hostile_configuration_refused(name: str, members: dict[str, bytes]) -> None:
    """A configuration that names code is malicious at any depth; an unknown layer is not scanned."""
    change, outcome = CONFIGS[name]
    config = json.loads(members["config.json"])
    change(config)
    judged = judge(packed(members, **{"config.json": json.dumps(config).encode()}))
    assert judged.outcome is outcome, judged.reasons


ARCHIVES = {
    "pickle as an asset": ({"assets/vocabulary.pkl": EVIL}, M),
    "pickle under another name": ({"assets/notes.txt": EVIL}, M),
    "assets": ({"assets/vocabulary.txt": b"a"}, U),
    "no JSON": ({"config.json": b"{"}, U),
    "JSON that nests deep": ({"config.json": b'{"a":' * 9_999}, U),
    "no HDF5": ({"model.weights.h5": EVIL}, U),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_hostile_archive_refused(name: str, members: dict[str, bytes]) -> None:
    """Other members, and members of another format, are no clean archive."""
    more, outcome = ARCHIVES[name]
    judged = judge(packed(members, **more))
    assert judged.outcome is outcome, judged.reasons


def config(**entry: Any) -> Callable[[h5py.File], Any]:
    """The configuration of an older model with one layer."""
    layers = [{"class_name": "Dense", "config": {"units": 1}}, entry]
    text = json.dumps({"class_name": "Sequential", "config": {"layers": layers}})
    return lambda file: file.attrs.__setitem__("model_config", text)


def virtual(file: h5py.File) -> None:
    """An array that shows another file's."""
    layout = h5py.VirtualLayout((8,), "f4")
    layout[:] = h5py.VirtualSource("/other.h5", "d", (8,))
    file.create_virtual_dataset("v", layout)


def circle(file: h5py.File) -> None:
    """A group that contains itself."""
    file["layer/again"] = file["layer"]


HDF5: dict[str, tuple[Callable[[h5py.File], Any], Outcome]] = {
    "weights": (lambda _: None, Outcome.CLEAN),
    "packed weights": (
        lambda file: file.create_dataset("p", data=np.zeros(99), compression="gzip"),
        Outcome.CLEAN,
    ),
    "a group that contains itself": (circle, Outcome.CLEAN),
    "model of Keras 2": (config(class_name="Flatten", config={}), Outcome.CLEAN),
    "compiled model of Keras 2": (
        lambda file: file.attrs.update(
            training_config=json.dumps({"optimizer_config": {"class_name": "Adam", "config": {}}})
        ),
        Outcome.CLEAN,
    ),
    "Lambda": (config(class_name="Lambda", config={"function": ["4wEA", None, None]}), M),
    "pickle in an attribute": (lambda file: file.attrs.update(a=np.bytes_(EVIL)), M),
    "pickle in an attribute of an array": (
        lambda file: file.create_dataset("a", data=[1]).attrs.update(a=np.void(b"(lp0\n0" + EVIL)),
        M,
    ),
    "texts": (lambda file: file.attrs.update(a="created by\nme.", b=np.bytes_(b"caf\xe9\n.")), C),
    "Lambda in a wrapper": (
        config(class_name="Flatten", config={"layer": {"class_name": "Lambda", "config": {}}}),
        M,
    ),
    "class of a project": (config(class_name="MyLayer", config={}), M),
    "class of a module": (config(class_name="Dense", module="os", config={}), M),
    "configuration without JSON": (lambda file: file.attrs.update(model_config="{"), U),
    "external link": (lambda file: file.update(x=h5py.ExternalLink("/etc/passwd", "/")), M),
    "soft link": (lambda file: file.update(x=h5py.SoftLink("/layer")), U),
    "external array": (
        lambda file: file.create_dataset("e", (8,), "u1", external=[("/etc/passwd", 0, 8)]),
        M,
    ),
    "virtual array": (virtual, M),
    "huge array": (lambda file: file.create_dataset("h", (1 << 40,), "f4"), U),
    "references": (lambda file: file.create_dataset("r", (1,), h5py.ref_dtype), U),
}


@pytest.mark.parametrize("name", HDF5)
def test_hdf5_file_judged(name: str) -> None:
    """Links and arrays elsewhere, and layers with code, are found; plain numbers are clean."""
    write, outcome = HDF5[name]
    judged = judge(hdf5_file(write))
    assert (judged.outcome, judged.kind) == (outcome, "HDF5"), judged.reasons


def test_truncated_hdf5_file_is_not_clean() -> None:
    """A file that ends early could not be scanned."""
    content = hdf5_file()
    for length in (9, 100, len(content) // 2):
        assert judge(content[:length]).outcome is U


def test_hdf5_links_are_not_followed(tmp_path: Path) -> None:
    """An external link to a file that exists is reported without opening that file."""
    other = tmp_path / "other.h5"
    other.write_bytes(hdf5_file())
    content = hdf5_file(lambda file: file.update(x=h5py.ExternalLink(str(other), "/layer/kernel")))
    other.chmod(0)
    other.unlink()
    assert judge(content).outcome is M
