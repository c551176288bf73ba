"""ONNX files beside onnxruntime: outputs that differ are refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from onnx import helper

import securemnist
from securemnist.data import DataSet
from securemnist.errors import ModelError, SecureMnistError
from securemnist.models import contract
from securemnist.models.formats import onnx_agreement
from securemnist.models.loading import resolve
from securemnist.plugin import fixtures
from securemnist.serve.hosting import hosted
from securemnist.serve.settings import Settings
from tests.commands import run
from tests.error_form import one_sentence
from tests.models.formats.onnx_graphs import before_linear, graph, linear, linear_weights, saved

node = helper.make_node


def test_disagreement_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that does not compute what onnxruntime computes is refused."""
    model = before_linear(node("Add", ["x", "one"], ["h"]), weights={"one": np.float32(1e-3)})
    path = saved(model, tmp_path / "net.onnx")
    resolve(str(path))
    true = onnx_agreement._by_onnxruntime

    def other(*args: Any) -> list[torch.Tensor]:
        return [each + 2e-3 for each in true(*args)]

    monkeypatch.setattr(onnx_agreement, "_by_onnxruntime", other)
    with pytest.raises(ModelError, match=r"got a difference of 0\.002") as caught:
        resolve(str(path))
    one_sentence(caught.value)


def test_disagreement_on_images_of_the_data_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mnist: DataSet
) -> None:
    """A network that differs on images of the data alone is refused by all that know the data."""
    path = str(saved(linear(), tmp_path / "net.onnx"))
    true = onnx_agreement._by_onnxruntime

    def other(of: Path, file: Any, x: torch.Tensor, runtime: Any) -> list[torch.Tensor]:
        black = (x == 0).float().mean((1, 2, 3)) > 0.5  # a digit, and no image of noise
        return [each + 1e-2 * black[:, None] for each in true(of, file, x, runtime)]

    monkeypatch.setattr(onnx_agreement, "_by_onnxruntime", other)
    resolve(path)
    words = r"got a difference of 0\.01"
    monkeypatch.setattr(fixtures, "data_of", lambda _: mnist)
    config = Mock(getoption={"--security-model": path, "--security-device": "cpu"}.get)
    calls: list[Callable[[], Any]] = [
        lambda: resolve(path, samples=mnist.test),
        lambda: securemnist.measure("clean_accuracy", path, images=10),
        lambda: hosted([path], mnist, Settings()),
        lambda: fixtures._subject(config, None),
    ]
    for call in calls:
        with pytest.raises(ModelError, match=words):
            call()
    monkeypatch.chdir(tmp_path)
    for command in (("assess", "--list"), ("init",)):
        done = run(*command, "--model", path)
        assert done.exit_code == 2, done.output
        assert re.search(words, done.output)


@pytest.mark.parametrize("images", [1, 2, 64])
def test_agreement_on_few_images(images: int, tmp_path: Path, mnist: DataSet) -> None:
    """A file for a fixed number of images is compared on a smaller number of images of the data."""
    path = saved(linear(shape=(3, 1, 28, 28)), tmp_path / "net.onnx")
    assert resolve(str(path), samples=mnist.test[:images]).architecture == "ONNX"


def test_images_of_another_shape_are_left_to_the_contract(tmp_path: Path) -> None:
    """A file for other images than the data's is loaded, so that the contract names the wrapper."""
    path = saved(linear(), tmp_path / "net.onnx")
    data = DataSet.from_tensors(torch.rand(9, 3, 32, 32), torch.arange(9))
    found = resolve(str(path), input_spec=data.spec, samples=data.test)
    with pytest.raises(ModelError, match=r"it takes images 1x28x28: use data of that shape"):
        contract.check(found, data.test.images(), data.spec)


def test_outputs_that_are_not_finite_refused(tmp_path: Path) -> None:
    """A network whose outputs are NaN in both is refused for that, and not for a disagreement."""
    model = linear()
    model.graph.initializer[1].raw_data = np.full(10, np.nan, np.float32).tobytes()
    with pytest.raises(ModelError) as caught:
        resolve(str(saved(model, tmp_path / "net.onnx")))
    assert "expected finite outputs, got NaN or inf; fix the weights" in one_sentence(caught.value)


def test_network_that_the_converter_does_not_compute(tmp_path: Path) -> None:
    """Where the converted network fails for every number of images, a factory is the way out."""
    model = before_linear(
        node("Dropout", ["x", "rate", "training"], ["h"]),
        weights={"rate": np.float32(0.5), "training": np.array(True)},
    )
    with pytest.raises(ModelError, match=r"converted by onnx2pytorch.* pass a factory") as caught:
        resolve(str(saved(model, tmp_path / "net.onnx")))
    one_sentence(caught.value)


def test_suffix_in_capitals(tmp_path: Path) -> None:
    """The suffix of a file may be in capitals, as some exporters write it."""
    assert resolve(str(saved(linear(), tmp_path / "NET.ONNX"))).architecture == "ONNX"


def test_batch_that_is_mixed_refused(tmp_path: Path) -> None:
    """A network that cannot take any number of images is refused."""
    model = graph(
        node("Flatten", ["x"], ["f"]),
        node("Gemm", ["f", "w", "b"], ["g"], transB=1),
        node("ReduceSum", ["g", "axis"], ["y"]),
        weights={**linear_weights(), "axis": np.array([0])},
        shape=(2, 1, 28, 28),
    )
    with pytest.raises(SecureMnistError, match="export it with a dynamic batch size") as caught:
        resolve(str(saved(model, tmp_path / "net.onnx")))
    one_sentence(caught.value)
