"""One network as a factory, as ONNX and as Keras."""

from __future__ import annotations

from pathlib import Path

import torch

from securemnist.attacks import FGSM
from securemnist.data import DataSet
from securemnist.models.architectures import ConvNetA
from securemnist.models.loading import Subject, resolve
from securemnist.threats import Linf
from tests.models.formats import keras_models, onnx_graphs


def test_same_network_has_the_same_numbers(
    baseline: Subject, mnist: DataSet, tmp_path: Path
) -> None:
    """Clean accuracy and FGSM's success differ by at most 2 of 1,000 images between the formats."""
    net = baseline.model
    assert isinstance(net, ConvNetA)
    onnx = onnx_graphs.saved(onnx_graphs.network_a(net), tmp_path / "a.onnx")
    keras = keras_models.saved(keras_models.network_a(net), tmp_path / "a.keras")
    x, y = mnist.test[:1_000].images(), mnist.test[:1_000].labels
    rows = []
    for model in (net, resolve(str(onnx)).model, resolve(str(keras)).model):
        adv = FGSM()(model, x, y, threat=Linf(0.1), seed=0)
        with torch.no_grad():
            clean = torch.cat([model(part).argmax(1) for part in x.split(250)]) == y
        rows.append((int(clean.sum()), int(adv.success.sum())))
    assert rows[0][1] > 100
    for clean, broken in rows[1:]:
        assert abs(clean - rows[0][0]) <= 2
        assert abs(broken - rows[0][1]) <= 2
