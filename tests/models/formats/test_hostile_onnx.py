"""Malformed and hostile ONNX files: each is refused in one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from securemnist.errors import UsageError, WeightsError
from securemnist.models.formats import onnx_external, refusal
from securemnist.models.loading import resolve
from tests.error_form import one_sentence
from tests.models.formats.onnx_graphs import before_linear, external, graph, linear, saved

node = helper.make_node


def with_function() -> Any:
    """A model that brings a function of its own."""
    model = linear()
    relu = node("Relu", ["a"], ["b"])
    opset = [helper.make_opsetid("", 20)]
    model.functions.append(helper.make_function("own", "f", ["a"], ["b"], [relu], opset))
    return model


def with_subgraph() -> Any:
    """A model whose only node has a graph among its attributes."""
    model = linear()
    model.graph.node[0].attribute.append(helper.make_attribute("body", linear().graph))
    return model


def with_wrong_weights() -> Any:
    """A model whose weights have fewer values than their shape."""
    model = linear()
    model.graph.initializer[0].dims[0] = 1 << 40
    return model


def two_inputs() -> Any:
    """A model with a second input."""
    model = before_linear(node("Add", ["x", "z"], ["h"]))
    model.graph.input.append(
        helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 1, 28, 28])
    )
    return model


def padded(rows: int) -> Any:
    """A model that pads its images by many rows."""
    return graph(
        node("Pad", ["x", "pads"], ["h"]),
        node("GlobalAveragePool", ["h"], ["g"]),
        node("Flatten", ["g"], ["y"]),
        weights={"pads": np.array([0, 0, 0, 0, 0, 0, rows, rows])},
    )


def of_unknown_size() -> Any:
    """A model with an activation whose size is computed from pixels."""
    return graph(
        node("ReduceSum", ["x"], ["s"], keepdims=0),
        node("Cast", ["s"], ["i"], to=TensorProto.INT64),
        node("Unsqueeze", ["i", "axis"], ["sizes"]),
        node("ConstantOfShape", ["sizes"], ["c"]),
        node("ReduceMean", ["c"], ["m"]),
        node("Add", ["x", "m"], ["a"]),
        node("Flatten", ["a"], ["y"]),
        weights={"axis": np.array([0])},
    )


def of_many_copies() -> Any:
    """A small model whose layers all have the same large weights."""
    products = [node("MatMul", [f"h{i}", "m"], [f"h{i + 1}"]) for i in range(230)]
    return graph(
        node("Flatten", ["x"], ["h0"]),
        *products,
        node("Identity", ["h230"], ["y"]),
        weights={"m": np.zeros((784, 784), np.float32)},
    )


def custom(domain: str, name: str) -> Any:
    """A model with an operator of another domain, or of none that exists."""
    model = before_linear(node(name, ["x"], ["h"], domain=domain))
    if domain:
        model.opset_import.append(helper.make_opsetid(domain, 1))
    return model


MODELS: dict[str, tuple[Callable[[], Any], str]] = {
    "custom domain": (lambda: custom("evil.ops", "Run"), "have a conversion, got evil.ops.Run"),
    # The converter would look these up by name in torch.
    "torch.load": (lambda: custom("", "Load"), "have a conversion, got Load"),
    "a loop": (lambda: before_linear(node("Loop", ["x"], ["h"])), "got Loop"),
    "random numbers": (lambda: before_linear(node("RandomNormalLike", ["x"], ["h"])), "Random"),
    "functions": (with_function, "got functions or sparse tensors"),
    "subgraph": (with_subgraph, "expected no subgraphs"),
    "opset of the future": (lambda: linear(opset=1_000), "or older, got 1000"),
    "no nodes": (lambda: graph(), "1 to 20,000 nodes, got 0"),
    "wrong weights": (with_wrong_weights, "expected a valid ONNX model"),
    "undefined name": (lambda: before_linear(node("Relu", ["q"], ["h"])), "a valid ONNX model"),
    "two inputs": (two_inputs, "expected one input of float32 images, got 2"),
    "integers": (lambda: linear(kind=TensorProto.UINT8), "one input of float32 images"),
    "vectors": (lambda: linear(shape=("n", 784)), "expected four dimensions"),
    "huge batch": (lambda: linear(shape=(1 << 40, 1, 28, 28)), "batch of at most 64"),
    "open channels": (lambda: linear(shape=("n", "c", 32, 32)), "for images 1x28x28, got ?x32x32"),
    "huge padding": (lambda: padded(1 << 20), "at most 16,777,216 values in a batch, got"),
    "overflowing padding": (lambda: padded(1 << 62), "expected"),
    "many copies": (of_many_copies, "536870912 bytes of weights in all layers, got 565"),
    "size from pixels": (of_unknown_size, "shapes that follow from the file"),
    "shapes that differ": (
        lambda: before_linear(node("Flatten", ["x"], ["h"]), shape=("n", 1, 28, 27)),
        "operators whose shapes fit",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_hostile_model_refused(name: str, tmp_path: Path) -> None:
    """A hostile or malformed model is refused before anything of it is run."""
    make, words = MODELS[name]
    with pytest.raises(WeightsError) as caught:
        resolve(str(saved(make(), tmp_path / "net.onnx")))
    text = one_sentence(caught.value)
    assert text.startswith(f"{tmp_path}/net.onnx: expected")
    assert words in text


@pytest.mark.parametrize(
    "location", ["../../etc/passwd", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "missing.data"]
)
def test_external_data_elsewhere_refused(location: str, tmp_path: Path) -> None:
    """External data are read from beside the model only."""
    path = external(linear(), tmp_path / "net.onnx", location)
    (tmp_path / "missing.data").unlink(missing_ok=True)
    with pytest.raises(WeightsError, match="the file with the tensors beside the model") as caught:
        resolve(str(path))
    one_sentence(caught.value)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/etc/passwd")])
def test_special_external_file_refused(make: Callable[[Path], None], tmp_path: Path) -> None:
    """A FIFO and a symbolic link beside the model are not read."""
    path = external(linear(), tmp_path / "net.onnx", "net.data")
    (tmp_path / "net.data").unlink()
    make(tmp_path / "net.data")
    with pytest.raises(WeightsError, match="expected tensors in 'net") as caught:
        resolve(str(path))
    one_sentence(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("offset", "99999999", "bytes at 99999999 of 31360"),
        ("offset", "-1", "an offset and a length"),
        ("length", "7", "external data of 31360 bytes, got 7 bytes"),
        ("length", "9" * 30, "an offset and a length"),
    ],
)
def test_wrong_part_of_external_file_refused(
    key: str, value: str, words: str, tmp_path: Path
) -> None:
    """A part that does not fit its tensor, or lies outside the file, is refused."""
    path = external(linear(), tmp_path / "net.onnx", "net.data")
    model = onnx.load(path, load_external_data=False)
    next(e for e in model.graph.initializer[0].external_data if e.key == key).value = value
    with pytest.raises(WeightsError) as caught:
        resolve(str(saved(model, path)))
    assert words in one_sentence(caught.value)


def test_many_tensors_of_one_external_file_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit on bytes counts every tensor, also where all are the same part of one file."""
    path = external(linear(), tmp_path / "net.onnx", "net.data")
    model = onnx.load(path, load_external_data=False)
    for number in range(3):
        model.graph.initializer.append(model.graph.initializer[0])
        model.graph.initializer[-1].name = f"copy {number}"
    monkeypatch.setattr(onnx_external, "MAX_BYTES", 4 * 31360)
    resolve(str(saved(model, path)))
    monkeypatch.setattr(onnx_external, "MAX_BYTES", 4 * 31360 - 1)
    with pytest.raises(WeightsError, match="bytes of tensors, got more"):
        resolve(str(path))


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04K\x01.", b"PK\x03\x04", b"\xff" * 100, b"\x0a" * 5_000], ids=repr
)
def test_other_content_refused(content: bytes, tmp_path: Path) -> None:
    """Bytes that are no ONNX model are refused."""
    path = tmp_path / "net.onnx"
    path.write_bytes(content[:20])
    with pytest.raises(WeightsError) as caught:
        resolve(str(path))
    one_sentence(caught.value)


def test_large_missing_and_special_files_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file above the limit, none, a folder, and a FIFO are refused."""
    path = tmp_path / "net.onnx"
    with pytest.raises(WeightsError, match="got No such file"):
        resolve(str(path))
    with path.open("wb") as file:
        file.truncate(refusal.MAX_BYTES + 1)
    with pytest.raises(WeightsError, match="got more than 536870912 bytes") as caught:
        resolve(str(path))
    one_sentence(caught.value)
    path.unlink()
    path.mkdir()
    with pytest.raises(WeightsError, match="Is a directory"):
        resolve(str(path))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("net.pt", "nor is TorchScript"),
        ("net.pth.tar", "a pickle can run code"),
        ("net.joblib", "a pickle can run code"),
        ("net.pt2", "a program of torch can run code"),
        ("NET.TS", "a program of torch can run code"),
        ("net.tflite", "export the network as ONNX"),
        ("frozen.PB", "export the network as ONNX"),
        ("net.h5", "save it with model.save('model.keras')"),
    ],
)
def test_other_formats_refused(spec: str, words: str) -> None:
    """Formats that can run code are refused with the way out."""
    with pytest.raises(UsageError) as caught:
        resolve(spec)
    assert words in one_sentence(caught.value)
