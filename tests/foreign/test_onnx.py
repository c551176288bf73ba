"""Triage of ONNX files: operators of other code and tensors elsewhere are found, models are clean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from securemnist.foreign import onnx_model
from securemnist.foreign.outcome import Outcome
from securemnist.foreign.triage import judge
from tests.models.formats.onnx_graphs import before_linear, graph, linear

M, U, C = Outcome.MALICIOUS, Outcome.UNKNOWN, Outcome.CLEAN
node = helper.make_node


def external(location: str) -> Any:
    """A model whose first tensor is said to lie in another file."""
    model = linear()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return model


def custom(domain: str) -> Any:
    """A model with an operator of another domain."""
    model = before_linear(node("PythonOp", ["x"], ["h"], domain=domain))
    model.opset_import.append(helper.make_opsetid(domain, 1))
    return model


def in_subgraph(*nodes: Any) -> Any:
    """A model with a graph among the attributes of a node."""
    model = linear()
    inner = graph(*nodes).graph
    model.graph.node[0].attribute.append(helper.make_attribute("body", inner))
    return model


def deep(levels: int) -> Any:
    """A model whose graphs nest."""
    body = linear().graph
    for _ in range(levels):
        outer = linear().graph
        outer.node[0].attribute.append(helper.make_attribute("body", body))
        body = outer
    return helper.make_model(body)


def lying(size: int) -> Any:
    """A model whose weights state another size than they have."""
    model = linear()
    model.graph.initializer[0].dims[0] = size
    return model


def function() -> Any:
    """A model with a function that hides an operator of another domain."""
    model = linear()
    hidden = node("Run", ["a"], ["b"], domain="evil.ops")
    opset = [helper.make_opsetid("", 20)]
    model.functions.append(helper.make_function("own", "f", ["a"], ["b"], [hidden], opset))
    return model


def in_attribute() -> Any:
    """A model whose constant lies in another file."""
    value = external("/etc/passwd").graph.initializer[0]
    model = linear()
    model.graph.node.append(node("Constant", [], ["c"]))
    model.graph.node[-1].attribute.append(helper.make_attribute("value", value))
    return model


def twice(*locations: str) -> Any:
    """A model whose first tensor names several files: each reader takes the first or the last."""
    model = external(locations[0])
    model.graph.initializer[0].external_data.add(key="location", value=locations[1])
    return model


def in_sparse_attribute() -> Any:
    """A model whose sparse constant lies in another file."""
    value = helper.make_sparse_tensor(
        external("/etc/passwd").graph.initializer[0], helper.make_tensor("i", 7, [1], [0]), [1]
    )
    model = linear()
    model.graph.node.append(node("Constant", [], ["c"]))
    model.graph.node[-1].attribute.append(helper.make_attribute("sparse_value", value))
    return model


def in_training(*nodes: Any) -> Any:
    """A model with a graph of its training."""
    model = linear()
    model.training_info.add().algorithm.CopyFrom(graph(*nodes).graph)
    return model


MODELS: dict[str, tuple[Callable[[], Any], Outcome]] = {
    "a model": (linear, C),
    "external data beside the model": (lambda: external("weights.bin"), C),
    "external data, absolute": (lambda: external("/etc/passwd"), M),
    "external data, above": (lambda: external("../secret"), M),
    "external data, in a folder": (lambda: external("a/b"), M),
    "external data, Windows": (lambda: external("..\\secret"), M),
    "external data, a drive": (lambda: external("C:\\secret"), M),
    "external data, the folder itself": (lambda: external(".."), M),
    "external data without a name": (lambda: external(""), M),
    "external data of a constant": (in_attribute, M),
    "external data of a sparse constant": (in_sparse_attribute, M),
    "external data in two files": (lambda: twice("a", "b"), U),
    "external data, the second above": (lambda: twice("a", "../secret"), M),
    "external data, the first above": (lambda: twice("../secret", "a"), M),
    "training": (lambda: in_training(node("Relu", ["x"], ["y"])), U),
    "operator hidden in the training": (
        lambda: in_training(node("Run", ["x"], ["y"], domain="evil.ops")),
        M,
    ),
    "operator of Python": (lambda: custom("com.microsoft"), M),
    "operator of another domain": (lambda: custom("evil.ops"), M),
    "operator hidden in a function": (function, M),
    "operator hidden in a graph": (
        lambda: in_subgraph(node("Run", ["x"], ["y"], domain="evil.ops")),
        M,
    ),
    "graph in a node": (lambda: in_subgraph(node("Relu", ["x"], ["y"])), U),
    "graphs that nest deep": (lambda: deep(20), U),
    "loop": (lambda: before_linear(node("Loop", ["x"], ["h"])), U),
    "weights that state a terabyte": (lambda: lying(1 << 38), U),
    "weights that state less": (lambda: lying(1), U),
    "weights of negative size": (lambda: lying(-10), U),
    "no nodes": (lambda: graph(), U),
}


@pytest.mark.parametrize("name", MODELS)
def test_model_judged(name: str) -> None:
    """Each model has its outcome by its bytes, whatever the name of its file is."""
    build, outcome = MODELS[name]
    judged = judge(build().SerializeToString())
    assert (judged.outcome, judged.kind) == (outcome, "ONNX"), judged.reasons


def test_sparse_weights_are_judged() -> None:
    """Sparse weights in another file are found, too."""
    model = linear()
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(external("/etc/passwd").graph.initializer[0])
    assert judge(model.SerializeToString()).outcome is M


def test_other_bytes_are_no_model() -> None:
    """Bytes that begin like a model, and a model cut off, could not be scanned."""
    content = linear().SerializeToString()
    saved_model = b"\x08\x01\x12\x04\xff\xfe\xfd\xfc"  # of TensorFlow, whose files begin alike
    for other in (
        b"\x08",
        b"\x08\xff\xff",
        saved_model,
        content[:-1],
        content[: len(content) // 2],
    ):
        assert judge(other).outcome is U


def test_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without onnx a model could not be scanned, and the reason says what to install."""
    from securemnist.errors import UsageError

    def missing(*_: str) -> None:
        raise UsageError("expected the package onnx; pip install 'securemnist[onnx]'")

    monkeypatch.setattr(onnx_model.extras, "module", missing)
    judged = judge(linear().SerializeToString())
    assert judged.outcome is U
    assert "pip install" in judged.reasons[0].text


def test_weights_of_few_bits_are_clean() -> None:
    """Weights of four bits, two in a byte, are no lie about their size."""
    model = linear()
    values = helper.make_tensor("q", TensorProto.INT4, [4], np.array([1, 2, 3, 4]))
    model.graph.initializer.append(values)
    assert onnx.TensorProto.FromString(values.SerializeToString()).dims[0] == 4
    assert judge(model.SerializeToString()).outcome is C


@pytest.mark.parametrize("name", ["Gemm", "weights.bin"])
def test_names_in_another_encoding_refused(name: str) -> None:
    """A name that is not UTF-8, which protobuf gives as bytes, could not be scanned."""
    content = external("weights.bin").SerializeToString()
    assert name.encode() in content
    judged = judge(content.replace(name.encode(), b"\xff" * len(name)))
    assert judged.outcome is U
    assert "not UTF-8" in judged.reasons[0].text
