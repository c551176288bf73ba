"""Training: reproducibility, resumption, collapse, results."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from securemnist._util import resources
from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.models import loading
from securemnist.train import RECIPES, Recipe, checkpoint, replay_digest, train
from securemnist.train import loop as loops

# Digests on processors of the recorded instructions that have AMX, too, and add in another order.
WITH_AMX = {"smoothed": "6d4699d3c329a761aed25ce46d662ae7e27bb955294e7b85f209d0cf4376fb23"}
SMALL = Recipe(epochs=2, batch=32, adversary="fgsm", eps=0.1)


@pytest.fixture
def tiny(mnist: DataSet) -> DataSet:
    """A data set of 128 training and 50 tuning images."""
    return dataclasses.replace(mnist, train=mnist.train[:128], tuning=mnist.tuning[:50])


@pytest.mark.parametrize(
    "name",
    ["baseline", "hardened", "certified", "smoothed", "poisoned_dirty", "poisoned_clean_label"],
)
def test_reference_model_training_reproducible(name: str, mnist: DataSet) -> None:
    """The first batches of the recorded recipe give the recorded digest.

    Float32 sums depend on the processor: on another one than the manifest's, two runs of smaller batches
    must agree with each other instead.
    """
    manifest = json.loads((resources.WEIGHTS / f"{name}.json").read_text())
    recorded, recipe = manifest["replay"], Recipe.from_json(manifest["recipe"])
    assert recipe == RECIPES[name]
    threads = torch.get_num_threads()
    torch.set_num_threads(recorded["threads"])
    try:
        same_processor = recorded["instructions"] == torch.backends.cpu.get_cpu_capability()
        if same_processor and recorded["torch"] == torch.__version__:
            assert replay_digest(recipe, mnist) in (recorded["sha256"], WITH_AMX.get(name))
        else:
            smaller = dataclasses.replace(recipe, batch=16)
            assert replay_digest(smaller, mnist) == replay_digest(smaller, mnist)
    finally:
        torch.set_num_threads(threads)


def test_interval_training_restores_denormals(tiny: DataSet) -> None:
    """The process computes with denormal numbers again after interval training."""
    smallest = torch.tensor([1e-40])
    replay_digest(RECIPES["certified"], tiny)
    assert float(smallest * 0.5) > 0


def test_resumed_run_matches_uninterrupted(tiny: DataSet, tmp_path: Path) -> None:
    """A run that is interrupted and resumed gives identical weights."""
    whole = train("net", SMALL, tiny, tmp_path / "whole")
    broken = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        train("net", SMALL, tiny, broken, progress=interrupt_during("epoch 2/2"))
    assert (broken / "net.latest.checkpoint").is_file()
    resumed = train("net", SMALL, tiny, broken, resume=True)
    assert resumed["sha256"] == whole["sha256"]
    assert [p.name for p in sorted(broken.iterdir())] == ["net.json", "net.safetensors", "net.svg"]


def interrupt_during(what: str) -> Any:
    """A progress callback that raises KeyboardInterrupt in the middle of a task."""

    def tell(label: str, done: int, total: int) -> None:
        if label == what and done == total // 2:
            raise KeyboardInterrupt

    return tell


def test_checkpoint_of_other_run_refused(tiny: DataSet, tmp_path: Path) -> None:
    """A run does not resume from the checkpoint of another recipe or from a damaged file."""
    trainer = loops.Trainer(SMALL, tiny)
    path = tmp_path / "net.latest.checkpoint"
    checkpoint.store(trainer, path)
    other = loops.Trainer(dataclasses.replace(SMALL, seed=1), tiny)
    with pytest.raises(checkpoint.UsageError, match="of this recipe and data; remove it"):
        checkpoint.restore(other, path)
    path.write_bytes(path.read_bytes()[:1_000])
    with pytest.raises(checkpoint.UsageError, match="expected a checkpoint"):
        checkpoint.restore(trainer, path)


def test_collapse_rolled_back(
    tiny: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When robust accuracy collapses, the run returns to the best epoch with half the learning rate."""
    probes = iter([0.8, 0.1, 0.7])
    monkeypatch.setattr(loops.Trainer, "_probe", lambda _: {"tuning_robust_accuracy": next(probes)})
    recipe = dataclasses.replace(SMALL, epochs=3)
    manifest = train("net", recipe, tiny, tmp_path)
    rolled = [entry.get("rolled_back", False) for entry in manifest["history"]]
    assert rolled == [False, True, False]
    assert manifest["epoch_kept"] == 1


def test_training_reaches_accuracy(mnist: DataSet) -> None:
    """A few batches of the baseline recipe classify most tuning images correctly."""
    few = dataclasses.replace(mnist, train=mnist.train[:4_000])
    trainer = loops.Trainer(dataclasses.replace(RECIPES["baseline"], epochs=1, batch=64), few)
    trainer.run_epoch(stop_after=50)
    few = mnist.tuning[:300]
    assert loops.accuracy_of(trainer.model.eval(), few.images(), few.labels) > 0.85


def test_adversarial_training_increases_robustness(mnist: DataSet) -> None:
    """The hardened model survives PGD where the baseline is broken."""
    held = []
    samples = mnist.tuning[:60]
    for name in ("baseline", "hardened"):
        model = loading.resolve(name).model
        rng = torch.Generator().manual_seed(0)
        threat = loops.Linf(0.3)
        x_adv = loops.PGD(steps=10).propose(
            model, samples.images(), samples.labels, threat=threat, rng=rng
        )
        held.append(loops.accuracy_of(model, x_adv, samples.labels))
    assert held[0] < 0.1
    assert held[1] > 0.8


def test_fast_recipe() -> None:
    """--fast keeps network and seed; a robust recipe refuses it."""
    fast = RECIPES["baseline"].fast()
    assert fast.epochs == 1
    assert (fast.architecture, fast.seed) == ("A", RECIPES["baseline"].seed)
    with pytest.raises(UsageError, match="omit --fast"):
        RECIPES["hardened"].fast()


def test_noise_of_a_recipe_makes_a_network_withstand_noise(mnist: DataSet) -> None:
    """After as many batches, a network trained with noise reads noisy digits better than one without."""
    few = mnist.tuning[:300]
    images = few.images()
    rng = torch.Generator().manual_seed(0)
    noisy = images + torch.randn(images.shape, generator=rng)
    accuracies = []
    for noise in (0.0, 1.0):
        recipe = dataclasses.replace(RECIPES["smoothed"], epochs=1, batch=32, noise=noise)
        trainer = loops.Trainer(recipe, dataclasses.replace(mnist, train=mnist.train[:3_000]))
        trainer.run_epoch(stop_after=60)
        accuracies.append(loops.accuracy_of(trainer.model.eval(), noisy, few.labels))
    assert accuracies[1] > accuracies[0] + 0.1, accuracies


def test_the_epoch_with_the_highest_accuracy_under_noise_is_kept(
    tiny: DataSet, tmp_path: Path
) -> None:
    """A recipe with noise records accuracy under noise after each epoch, and keeps the best epoch."""
    recipe = dataclasses.replace(RECIPES["smoothed"], epochs=3, noise=0.25)
    manifest = train("net", recipe, tiny, tmp_path)
    probes = [entry["tuning_noisy_accuracy"] for entry in manifest["history"]]
    assert len(probes) == 3
    assert probes[manifest["epoch_kept"] - 1] == max(probes)
    assert manifest["recipe"]["noise"] == 0.25
    assert "noise" not in RECIPES["baseline"].to_json()


@pytest.mark.parametrize("wrong", [{"noise": -0.1}, {"noise": 5.0}, {"noise": float("nan")}])
def test_noise_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    """A deviation below 0, above 4 or that is no number is a UsageError, as is noise on an attack."""
    with pytest.raises(UsageError, match="expected a valid noise"):
        Recipe(**wrong)
    with pytest.raises(UsageError, match="expected a valid noise"):
        Recipe(adversary="fgsm", eps=0.1, noise=0.5)
