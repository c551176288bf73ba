"""ONNX files as models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import helper
from torch import nn

from securemnist._util.hashing import sha256
from securemnist.certificates import certify
from securemnist.input_spec import MNIST, InputSpec
from securemnist.models import output
from securemnist.models.loading import Subject, resolve
from securemnist.results.weight_file import WeightFile
from tests.models.formats import onnx_graphs
from tests.models.formats.onnx_graphs import before_linear, graph, linear, linear_weights, saved

X = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(0))
node = helper.make_node


class Residual(nn.Module):
    """Convolutions with batch norm, a sum with the input, and a mean over pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.second, self.out = nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, 10)."""
        x = torch.relu(self.norm(self.first(x)))
        x = torch.relu(x + self.second(x))
        return self.out(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "convolutions": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(676, 10)
    ),
    "batch norm": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU6(), nn.Flatten(),
        nn.Linear(676, 16), nn.BatchNorm1d(16), nn.LeakyReLU(), nn.Dropout(), nn.Linear(16, 10),
    ),
    "residual": Residual,
    "softmax": lambda: nn.Sequential(
        nn.AvgPool2d(2), nn.Conv2d(1, 4, 3), nn.Sigmoid(), nn.Flatten(), nn.Linear(576, 10), nn.Softmax(1)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_exported_network(name: str, tmp_path: Path) -> None:
    """A network exported by torch has its outputs and gradients."""
    torch.manual_seed(0)
    net = NETWORKS[name]().eval()
    found = resolve(str(onnx_graphs.exported(net, tmp_path / "net.onnx", X[:2])))
    x = X.clone().requires_grad_(True)
    logits = found.model(x)
    torch.testing.assert_close(logits, net(x), rtol=1e-5, atol=1e-6)
    gradients = [torch.autograd.grad(each[:, 0].sum(), x)[0] for each in (logits, net(x))]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


def test_exported_network_has_equal_certificates(tmp_path: Path) -> None:
    """A converted network has the certified margins of the network that was exported."""
    torch.manual_seed(0)
    net = Residual().eval()
    found = resolve(str(onnx_graphs.exported(net, tmp_path / "net.onnx", X[:2]))).model
    y = net(X).argmax(1)
    margins = [certify(each, X, y, eps=1e-3).margins for each in (found, net)]
    torch.testing.assert_close(*margins, rtol=1e-3, atol=1e-4)
    assert (margins[0] > 0).any()


def test_subject_of_a_file(tmp_path: Path) -> None:
    """The subject has the file's name and SHA-256, and a digest of operators and weights."""
    path = saved(linear(), tmp_path / "net.onnx")
    found = resolve(str(path))
    assert (found.name, found.architecture) == ("net", "ONNX")
    assert found.recipe == {"sha256 of net.onnx": sha256(path.read_bytes())}
    assert found.to_json()["parameters"] == 7850
    assert not any(p.requires_grad for p in found.model.parameters())
    digests = {found.digest, digest_of(linear(), tmp_path), digest_of(doubled(linear()), tmp_path)}
    assert len(digests) == 2
    negated = before_linear(node("Neg", ["x"], ["h"]))
    also = before_linear(node("Abs", ["x"], ["h"]))
    assert digest_of(negated, tmp_path) != digest_of(also, tmp_path)


def digest_of(model: Any, folder: Path) -> str:
    """The digest of a model that is saved under another name."""
    return resolve(str(saved(model, folder / "other.onnx"))).digest


def doubled(model: Any) -> Any:
    """The model with other weights."""
    weights = onnx_graphs.numpy_helper.to_array(model.graph.initializer[0]) * 2
    model.graph.initializer[0].raw_data = weights.tobytes()
    return model


def test_external_data(tmp_path: Path) -> None:
    """Tensors in a file beside the model are read, and its SHA-256 is recorded."""
    inside = resolve(str(saved(linear(), tmp_path / "a.onnx")))
    found = resolve(str(onnx_graphs.external(linear(), tmp_path / "b.onnx", "b.data")))
    size = sum(each.stat().st_size for each in tmp_path.glob("b.*"))
    assert found.weight_file == WeightFile(format="ONNX", size=size)
    assert torch.equal(found.model(X), inside.model(X))
    assert set(found.recipe) == {"sha256 of b.onnx", "sha256 of b.data"}


@pytest.mark.parametrize("batch", [1, 3])
def test_fixed_batch_size(batch: int, tmp_path: Path) -> None:
    """A file exported for a fixed number of images takes any number, with the same outputs."""
    model = graph(
        node("Reshape", ["x", "flat"], ["f"]),
        node("Gemm", ["f", "w", "b"], ["y"], transB=1),
        weights={**linear_weights(), "flat": np.array([batch, 784])},
        shape=(batch, 1, 28, 28),
    )
    found = resolve(str(saved(model, tmp_path / "net.onnx")))
    other = resolve(str(saved(linear(), tmp_path / "other.onnx")))
    assert torch.equal(found.model(X), other.model(X))
    assert certify(found.model, X, X[:, 0, 0, 0].long(), eps=0.0).proved.shape == (5,)


def test_channels_last_file(tmp_path: Path) -> None:
    """A file for images (n, H, W, C) gets its axes in that order."""
    colour = InputSpec(3, 8, 10, 10)
    model = graph(
        node("Flatten", ["x"], ["f"]),
        node("Gemm", ["f", "w", "b"], ["y"], transB=1),
        weights=linear_weights(inputs=240),
        shape=("n", 8, 10, 3),
    )
    found = resolve(str(saved(model, tmp_path / "net.onnx")), input_spec=colour)
    x = torch.rand(2, 3, 8, 10)
    weights = linear_weights(inputs=240)
    expected = x.permute(0, 2, 3, 1).flatten(1) @ torch.tensor(weights["w"]).T + torch.tensor(
        weights["b"]
    )
    torch.testing.assert_close(found.model(x), expected)


def test_several_outputs_are_chosen_by_a_wrapper(tmp_path: Path) -> None:
    """A file with two outputs gives both, and `output` takes one."""
    model = linear()
    model.graph.output.append(helper.make_tensor_value_info("f", 1, [None, 784]))
    network = resolve(str(saved(model, tmp_path / "net.onnx"))).model
    assert [tuple(each.shape) for each in network(X)] == [(5, 10), (5, 784)]
    assert output(network, 0)(X).shape == (5, 10)


def test_colliding_names_stay_apart(tmp_path: Path) -> None:
    """Weights whose names differ in a dot only, or are words of Python, stay apart."""
    model = before_linear(
        node("Add", ["x", "a.b"], ["forward"]),
        node("Sub", ["forward", "a_b"], ["h"], name="forward"),
        weights={"a.b": np.float32(3), "a_b": np.float32(1)},
    )
    found = resolve(str(saved(model, tmp_path / "net.onnx"))).model
    other = resolve(str(saved(linear(), tmp_path / "other.onnx"))).model
    torch.testing.assert_close(found(X), other(X + 2))


def test_same_numbers_with_the_spec_of_the_data(baseline: Subject, tmp_path: Path) -> None:
    """The reference network as ONNX has its logits and, to rounding, its digest's structure."""
    path = saved(onnx_graphs.network_a(baseline.model), tmp_path / "a.onnx")
    found = resolve(str(path), input_spec=MNIST)
    torch.testing.assert_close(found.model(X), baseline.model(X), rtol=1e-4, atol=1e-4)
