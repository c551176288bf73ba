"""A network in torch from an ONNX file, which computes what onnxruntime computes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import torch
from torch import nn

from securemnist._util.hashing import sha256
from securemnist.data import Samples
from securemnist.errors import first_line
from securemnist.input_spec import InputSpec
from securemnist.models.formats import extras, onnx_agreement, onnx_file
from securemnist.models.formats.onnx_graph import prepared
from securemnist.models.formats.refusal import FACTORY, MAX_BYTES, refused
from securemnist.models.input_layers import ChannelsLast
from securemnist.types import Images


@final
class OnnxNetwork(nn.Module):
    """Images (n, C, H, W) through a converted ONNX graph; `graph` is the digest of its operators."""

    def __init__(self, network: nn.Module, channels_last: bool, graph: str) -> None:
        super().__init__()
        self.layout = ChannelsLast() if channels_last else nn.Identity()
        self.network, self.graph = network, graph

    def forward(self, x: Images) -> Any:
        return self.network(self.layout(x))

    def extra_repr(self) -> str:
        return f"graph={self.graph}"


@final
class _FixedReshape(nn.Module):
    """Reshape to sizes that are numbers, which a certificate can read; 0 copies a size."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, x: torch.Tensor, _sizes: Any = None) -> torch.Tensor:
        sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(self.sizes)]
        if sizes[0] == -1 and math.prod(x.shape[1:]) == math.prod(sizes[1:]):
            sizes[0] = x.shape[0]  # the number of samples, by name
        return x.reshape(sizes)


@final
class _FixedClip(nn.Module):
    """Clip to limits that are numbers."""

    def __init__(self, low: float | None, high: float | None) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, x: torch.Tensor, *_limits: Any) -> torch.Tensor:
        return x.clamp(self.low, self.high)


@final
class _FixedResize(nn.Module):
    """Resize by scales, or to sizes, that are numbers; `resize` is the converted operator."""

    def __init__(self, resize: Any, scales: list[float] | None, sizes: list[int] | None) -> None:
        super().__init__()
        self.resize, self.scales, self.sizes = resize, scales or [], sizes or []

    def forward(self, x: torch.Tensor, *_numbers: Any) -> Any:
        return self.resize.interpolate(x, None, self.scales, self.sizes)


def load(
    path: Path, spec: InputSpec, samples: Samples | None = None
) -> tuple[nn.Module, dict[str, str], int]:
    """The network of the file at `path`, the SHA-256 of its files by name, and their bytes.

    `spec` gives the sizes that the file leaves open. `samples`: see `onnx_agreement.check`. UsageError,
    WeightsError, or ModelError where torch and onnxruntime disagree, in one sentence.
    """
    onnx, runtime, converter = (
        extras.module(name, "onnx") for name in ("onnx", "onnxruntime", "onnx2pytorch")
    )
    file = onnx_file.read(path, spec, onnx)
    graph = prepared(file.folded, onnx)
    converted = _converted(path, graph, onnx, converter)
    network = OnnxNetwork(converted, file.images.channels_last, _digest(graph)).eval()
    onnx_agreement.check(path, network, file, runtime, samples)
    return network, file.digests, file.size


def _converted(path: Path, graph: Any, onnx: Any, converter: Any) -> nn.Module:
    weights = {each.name: each for each in graph.graph.initializer}
    _check_copies(path, graph, weights)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network: nn.Module = converter.ConvertModel(graph)
    except Exception as error:  # the converter raises what its parts raise
        raise refused(
            path, "operators that onnx2pytorch converts", first_line(error), FACTORY
        ) from error
    kept: Any = network.onnx_model
    names: Any = network.mapping
    for node in kept.graph.node:
        name = names[node.output[0]]
        fixed = _fixed(node, weights, getattr(network, name), onnx)
        if fixed is not None:
            setattr(network, name, fixed)
    del kept.graph.initializer[:]  # the weights are in the layers by now
    return network


def _check_copies(path: Path, graph: Any, weights: Mapping[str, Any]) -> None:
    """WeightsError where the layers, each with weights of its own, would need too much memory."""
    sizes = {name: tensor.ByteSize() for name, tensor in weights.items()}
    total = sum(sizes.get(name, 0) for node in graph.graph.node for name in node.input)
    if total > MAX_BYTES:
        raise refused(
            path, f"at most {MAX_BYTES} bytes of weights in all layers", str(total), FACTORY
        )


def _fixed(node: Any, weights: dict[str, Any], converted: nn.Module, onnx: Any) -> nn.Module | None:
    """A layer with its constant inputs as numbers, for operators that read them from tensors."""
    given = [name for name in node.input[1:] if name]
    known = node.op_type in ("Reshape", "Clip", "Resize") and all(name in weights for name in given)
    if not known or not given:
        return None
    values: list[Any] = [
        onnx.numpy_helper.to_array(weights[name]).tolist() if name else None
        for name in [*node.input[1:], "", ""]
    ]
    if node.op_type == "Clip":
        return _FixedClip(values[0], values[1])
    if node.op_type == "Resize":
        return None if values[0] else _FixedResize(converted, values[1], values[2])
    zeros = any(each.name == "allowzero" and each.i for each in node.attribute)
    return None if zeros and 0 in values[0] else _FixedReshape(values[0])


def _digest(graph: Any) -> str:
    """The SHA-256 of operators, attributes and connections; the weights are in the layers."""
    text = "".join(str(node) for node in graph.graph.node)
    return sha256(text.encode())[:16]
