"""TRADES: its loss, its neighbours, and a network that withstands more than one without it."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.threats import Linf
from securemnist.train import RECIPES, Recipe, replay_digest, trades, train
from securemnist.train.loop import Trainer, accuracy_of

RECIPE = RECIPES["trades"]


def test_divergence_by_its_definition() -> None:
    """The divergence is the sum of p log(p / q), 0 for equal answers, and has one number a sample."""
    clean = torch.tensor([[0.0, 0.0], [0.0, 3.0]])
    moved = torch.tensor([[math.log(3.0), 0.0], [0.0, 3.0]])
    expected = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    assert trades.divergence(moved, clean).tolist() == pytest.approx([expected, 0.0], abs=1e-6)


def test_neighbours_diverge_within_the_threat(mnist: DataSet, baseline: Subject) -> None:
    """Neighbours stay in the threat set, and their answers diverge more than those of random points."""
    x, model, threat = mnist.tuning[:16].images(), baseline.model, Linf(0.1)
    rng = torch.Generator().manual_seed(0)
    moved = trades.neighbours(model, x, threat, steps=5, size=0.03, rng=rng)
    assert bool(((moved - x).abs() <= 0.1 + 1e-6).all())
    assert bool(((moved >= 0) & (moved <= 1)).all())
    with torch.no_grad():
        clean = model(x)
        found = trades.divergence(model(moved), clean)
        random = trades.divergence(model(threat.random_start(x, rng)), clean)
    assert float(found.mean()) > 10 * float(random.mean())


def test_loss_has_both_terms(mnist: DataSet, baseline: Subject) -> None:
    """Without neighbours the loss is cross-entropy; beta weighs the divergence to them."""
    few = mnist.tuning[:8]
    x, y, model = few.images(), few.labels, baseline.model
    moved = (x + 0.2).clamp(0, 1)
    loss, logits = trades.losses(model, x, moved, y, 6.0)
    alone, _ = trades.losses(model, x, x, y, 6.0)
    entropy = F.cross_entropy(logits, y, reduction="none")
    assert torch.allclose(alone, entropy)
    assert torch.allclose(loss, entropy + 6 * trades.divergence(model(moved), logits))


def test_training_gives_robustness(mnist: DataSet) -> None:
    """After equal batches from the same weights, TRADES withstands PGD where plain training falls."""
    few, held = mnist.tuning[:200], []
    data = dataclasses.replace(mnist, train=mnist.train[:4_000])
    weights = loading.resolve("baseline").model.state_dict()
    plain = Recipe(batch=64, schedule="constant")
    change = {"eps": 0.1, "step_size": 0.04, "steps": 3, "ramp": 0}
    for recipe in (plain, dataclasses.replace(RECIPE, batch=64, schedule="constant", **change)):
        trainer = Trainer(recipe, data)
        trainer.model.load_state_dict(weights)
        trainer.run_epoch(stop_after=15)
        model = trainer.model.eval()
        rng = torch.Generator().manual_seed(0)
        x_adv = PGD(steps=10).propose(model, few.images(), few.labels, threat=Linf(0.1), rng=rng)
        held.append(accuracy_of(model, x_adv, few.labels))
    assert held[1] > held[0] + 0.05, held


def test_run_is_recorded_and_repeated(mnist: DataSet, tmp_path: Path) -> None:
    """A run keeps the epoch of the highest robust accuracy, and its first batches repeat."""
    tiny = dataclasses.replace(mnist, train=mnist.train[:128], tuning=mnist.tuning[:50])
    recipe = dataclasses.replace(RECIPE, epochs=2, batch=32, steps=2)
    manifest = train("net", recipe, tiny, tmp_path)
    probes = [entry["tuning_robust_accuracy"] for entry in manifest["history"]]
    assert probes[manifest["epoch_kept"] - 1] == max(probes)
    assert manifest["recipe"]["beta"] == 6.0
    assert replay_digest(recipe, tiny) == replay_digest(recipe, tiny)


@pytest.mark.parametrize("wrong", [{"beta": 0.0}, {"beta": float("nan")}, {"steps": 0}])
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    """TRADES without its second term or without steps is refused."""
    with pytest.raises(UsageError, match=f"expected a valid {next(iter(wrong))}"):
        dataclasses.replace(RECIPE, **wrong)


def test_beta_belongs_to_trades() -> None:
    """Another recipe refuses a beta, which it would ignore."""
    with pytest.raises(UsageError, match="expected a valid beta"):
        dataclasses.replace(RECIPES["hardened"], beta=1.0)
