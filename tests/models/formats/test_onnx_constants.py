"""ONNX files that compute constants, and files in float16."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from securemnist.certificates import certify
from securemnist.errors import ModelError
from securemnist.models.formats import onnx_agreement, onnx_constants
from securemnist.models.loading import resolve
from tests.models.formats.onnx_graphs import exported, graph, linear, linear_weights, saved

X = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(0))
node = helper.make_node


def head(layer: nn.Module) -> nn.Module:
    """A network that ends with ten logits behind a layer."""
    net = nn.Sequential(layer, nn.Flatten(), nn.LazyLinear(10))
    net(X)
    return net.eval()


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "weight norm": lambda: head(nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 4, 3, 2))),
    "padding with zeros": lambda: head(nn.ZeroPad2d((1, 2, 0, 1))),
    "mirrored padding": lambda: head(nn.ReflectionPad2d((1, 2, 3, 1))),
    "larger images": lambda: head(nn.Upsample(scale_factor=2)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_constants_of_an_exporter(name: str, tmp_path: Path) -> None:
    """A file that computes weights or sides of a padding has the network's outputs, and certificates."""
    torch.manual_seed(0)
    net = NETWORKS[name]()
    found = resolve(str(exported(net, tmp_path / "net.onnx", X[:2]))).model
    torch.testing.assert_close(found(X), net(X), rtol=1e-5, atol=1e-6)
    assert certify(found, X, net(X).argmax(1), eps=1e-5).proved.any()


def test_weights_stored_in_float16(tmp_path: Path) -> None:
    """Weights that are cast to float32 are float32 weights, with certificates."""
    stored = {name: each.astype(np.float16) for name, each in linear_weights().items()}
    model = graph(
        node("Cast", ["w"], ["w32"], to=TensorProto.FLOAT),
        node("Cast", ["b"], ["b32"], to=TensorProto.FLOAT),
        node("Flatten", ["x"], ["f"]),
        node("Gemm", ["f", "w32", "b32"], ["y"], transB=1),
        weights=stored,
    )
    found = resolve(str(saved(model, tmp_path / "net.onnx"))).model
    weight, bias = (torch.from_numpy(stored[name]).float() for name in ("w", "b"))
    expected = nn.functional.linear(X.flatten(1), weight, bias)
    torch.testing.assert_close(found(X), expected)
    assert certify(found, X, expected.argmax(1), eps=1e-5).proved.any()


def half() -> Any:
    """Three layers that compute in float16, with logits of some tens."""
    rng = np.random.default_rng(0)
    drawn = {"v": (64, 784), "u": (64, 64), "w": (10, 64)}
    weights = {name: rng.standard_normal(shape) / 8 for name, shape in drawn.items()}
    return graph(
        node("Cast", ["x"], ["x16"], to=TensorProto.FLOAT16),
        node("Flatten", ["x16"], ["f"]),
        node("Gemm", ["f", "v"], ["g"], transB=1),
        node("Relu", ["g"], ["h"]),
        node("Gemm", ["h", "u"], ["i"], transB=1),
        node("Relu", ["i"], ["j"]),
        node("Gemm", ["j", "w"], ["k"], transB=1),
        node("Cast", ["k"], ["y"], to=TensorProto.FLOAT),
        weights={name: each.astype(np.float16) for name, each in weights.items()},
    )


def test_network_in_float16_may_differ_by_its_rounding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that computes in float16 is read; a difference of 2 % of the largest output is refused.

    The tolerance of float32 files would refuse its rounding.
    """
    path = str(saved(half(), tmp_path / "net.onnx"))
    assert resolve(path).model(X).abs().max() > 2
    true = onnx_agreement._by_onnxruntime

    def other(*args: Any) -> list[torch.Tensor]:
        return [each + 0.02 * each.abs().max() for each in true(*args)]

    for name, value in (("ROUNDINGS", 0), ("_by_onnxruntime", other)):
        with monkeypatch.context() as patch:
            patch.setattr(onnx_agreement, name, value)
            with pytest.raises(ModelError, match="got a difference"):
                resolve(path)


LARGE: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "shape": (
        [node("ConstantOfShape", ["n"], ["c"])],
        {"n": np.array([1 << 20, 1 << 20])},
    ),
    "product": (
        [node("Mul", ["p", "q"], ["c"])],
        {"p": np.ones((1 << 20, 1), np.float32), "q": np.ones((1, 1 << 20), np.float32)},
    ),
    "one tensor a thousand times": (
        [node("Concat", ["p"] * 1000, ["c"], axis=0)],
        {"p": np.ones(1 << 20, np.float32)},
    ),
    "index": (
        [node("Gather", ["p", "i"], ["c"])],
        {"p": np.ones((1, 1 << 20), np.float32), "i": np.zeros(1 << 20, np.int64)},
    ),
}


@pytest.mark.parametrize("case", LARGE)
def test_large_constants_not_computed(case: str) -> None:
    """A small file that asks for terabytes of constants gets none of them."""
    nodes, weights = LARGE[case]
    model = graph(*nodes, *linear().graph.node, weights={**linear_weights(), **weights})
    ready = onnx_constants.folded(model, onnx)
    assert [each.op_type for each in ready.graph.node] == [nodes[0].op_type, "Flatten", "Gemm"]
