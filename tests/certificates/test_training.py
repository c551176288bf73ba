"""Interval training: its bounds, its progress and the epoch that it keeps."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from securemnist.certificates import certify
from securemnist.data import DataSet
from securemnist.errors import ModelError
from securemnist.models.architectures import build
from securemnist.train import RECIPES, interval_training, train
from securemnist.train.loop import Trainer


@pytest.mark.parametrize("name", ["certified", "certified_mnist"])
def test_training_bounds_match_certificates(name: str, mnist: DataSet) -> None:
    """In eval mode the margins of training equal those of interval certificates, up to rounding."""
    torch.manual_seed(0)
    model = build(RECIPES[name].architecture)
    interval_training.initialise(model)
    model.train()
    samples = mnist.tuning[:20]
    x, y = samples.images(), samples.labels
    with torch.no_grad():
        interval_training.bounds(interval_training.layers_of(model), x, y, 0.1, regularise=True)
        model.eval()
        found = interval_training.bounds(
            interval_training.layers_of(model), x, y, 0.1, regularise=False
        )
        assert torch.allclose(found.logits, model(x[: len(found.logits)]), atol=1e-5)
    margins = found.margins.scatter(1, y[:, None], torch.inf).amin(1).double()
    proved = certify(model, x, y, eps=0.1, crown=False).margins
    assert torch.allclose(margins, proved, rtol=1e-3, atol=1e-3)
    assert (proved < margins + 1e-6).all()


def test_interval_training_increases_certified_fraction(mnist: DataSet) -> None:
    """A few batches at a small eps lead from no certified image to many."""
    recipe = dataclasses.replace(RECIPES["certified"], eps=0.01, ramp=0, epochs=1, batch=64)
    trainer = Trainer(recipe, mnist)
    trainer.run_epoch(stop_after=20)
    samples = mnist.tuning[:300]
    x, y = samples.images(), samples.labels
    assert interval_training.certified_fraction(trainer.model.eval(), x, y, 0.005) > 0.1


def test_interval_training_keeps_best_certified_epoch(mnist: DataSet, tmp_path: Path) -> None:
    """The history has the certified tuning accuracy, and the kept epoch is its best."""
    tiny = dataclasses.replace(mnist, train=mnist.train[:256], tuning=mnist.tuning[:50])
    recipe = dataclasses.replace(RECIPES["certified"], epochs=2, batch=64, ramp=1)
    manifest = train("net", recipe, tiny, tmp_path)
    shares = [entry["tuning_certified_accuracy"] for entry in manifest["history"]]
    assert len(shares) == 2
    assert manifest["recipe"]["clip"] == 10.0


def test_interval_training_refuses_unsupported_network(mnist: DataSet) -> None:
    """Interval training needs a sequence of layers with known bounds, and the error says so."""
    samples = mnist.tuning[:4]
    x, y = samples.images(), samples.labels
    with pytest.raises(ModelError, match="architecture S"):
        interval_training.layers_of(build("A"))
    for layers, named in (
        (nn.Sequential(nn.Flatten(), nn.GELU(), nn.Linear(784, 10)), "GELU"),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.ReLU()), "linear last layer"),
    ):
        with pytest.raises(ModelError, match=named):
            interval_training.bounds(layers, x, y, 0.1, regularise=False)
