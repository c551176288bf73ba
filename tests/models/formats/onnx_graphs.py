"""ONNX models built node by node, and the reference network as one."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from securemnist.models.architectures import ConvNetA

Node = Any
IMAGES = ("n", 1, 28, 28)


def graph(
    *nodes: Node,
    weights: Mapping[str, Any] | None = None,
    shape: Sequence[Any] = IMAGES,
    kind: int = TensorProto.FLOAT,
    opset: int = 20,
) -> Any:
    """A model with the input x, the output y, and the weights of these names."""
    tensors = [
        numpy_helper.from_array(np.asarray(value), name) for name, value in (weights or {}).items()
    ]
    body = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None])],
        tensors,
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def linear_weights(outputs: int = 10, inputs: int = 784) -> dict[str, np.ndarray]:
    """Weights of the last layer."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((outputs, inputs)).astype(np.float32) / 28
    return {"w": weights, "b": rng.standard_normal(outputs).astype(np.float32)}


def linear(**changes: Any) -> Any:
    """A linear network of ten classes."""
    return graph(
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Gemm", ["f", "w", "b"], ["y"], transB=1),
        weights=linear_weights(),
        **changes,
    )


def before_linear(*nodes: Node, weights: Mapping[str, Any] | None = None, **changes: Any) -> Any:
    """Nodes from x to h, and a linear layer of 784 inputs behind them."""
    return graph(
        *nodes,
        helper.make_node("Flatten", ["h"], ["f"]),
        helper.make_node("Gemm", ["f", "w", "b"], ["y"], transB=1),
        weights={**linear_weights(), **(weights or {})},
        **changes,
    )


def network_a(net: ConvNetA) -> Any:
    """Network A, as exporters write it."""
    weights = {
        name: tensor.detach().numpy()
        for name, tensor in net.state_dict().items()
        if tensor.dim() > 0
    }
    weights |= {"mean": np.float32(net.normalize.mean), "std": np.float32(net.normalize.std)}
    weights["flat"] = np.array([-1, 3136])
    node = helper.make_node
    conv = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    return graph(
        node("Sub", ["x", "mean"], ["a"]),
        node("Div", ["a", "std"], ["b"]),
        node("Conv", ["b", "conv1.weight", "conv1.bias"], ["c"], **conv),
        node("MaxPool", ["c"], ["d"], **pool),
        node("Relu", ["d"], ["e"]),
        node("Conv", ["e", "conv2.weight", "conv2.bias"], ["f"], **conv),
        node("MaxPool", ["f"], ["g"], **pool),
        node("Relu", ["g"], ["h"]),
        node("Reshape", ["h", "flat"], ["i"], allowzero=1),
        node("Gemm", ["i", "fc1.weight", "fc1.bias"], ["j"], transB=1),
        node("Relu", ["j"], ["k"]),
        node("Gemm", ["k", "fc2.weight", "fc2.bias"], ["y"], transB=1),
        weights=weights,
    )


def exported(net: nn.Module, path: Path, x: torch.Tensor) -> Path:
    """The file that torch's exporter writes for a network, for any number of images."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the newer exporter takes five seconds a network
        names = {"input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}}
        torch.onnx.export(net, (x,), path, dynamo=False, **names)
    return path


def saved(model: Any, path: Path) -> Path:
    """The file of a model."""
    path.write_bytes(model.SerializeToString())
    return path


def external(model: Any, path: Path, location: str) -> Path:
    """The file of a model whose first tensor is said to lie in another file; that is written, too."""
    tensor = model.graph.initializer[0]
    content = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(len(content)))):
        tensor.external_data.add(key=key, value=value)
    if "/" not in location and location not in ("", ".", ".."):
        (path.parent / location).write_bytes(content)
    return saved(model, path)
