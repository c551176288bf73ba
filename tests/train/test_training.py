"""Training: the reference weights can be made again, a run can be interrupted and noticed collapsing."""

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

SMALL = Recipe(epochs=2, batch=32, adversary="fgsm", eps=0.1)


@pytest.fixture
def tiny(mnist: DataSet) -> DataSet:
    """A data set of 256 training and 100 tuning digits."""
    return dataclasses.replace(mnist, train=mnist.train[:256], tuning=mnist.tuning[:100])


@pytest.mark.parametrize(
    "name", ["baseline", "hardened", "certified", "poisoned_dirty", "poisoned_clean_label"]
)
def test_a_reference_model_can_be_trained_again(name: str, mnist: DataSet) -> None:
    """The first batches of the recorded recipe give the recorded digest.

    Float32 sums depend on the processor: on another one than the manifest's, two runs must agree with
    each other instead.
    """
    manifest = json.loads((resources.WEIGHTS / f"{name}.json").read_text())
    recorded, recipe = manifest["replay"], Recipe.from_json(manifest["recipe"])
    assert recipe == RECIPES[name]
    threads = torch.get_num_threads()
    torch.set_num_threads(recorded["threads"])
    try:
        digest = replay_digest(recipe, mnist)
        same_processor = recorded["instructions"] == torch.backends.cpu.get_cpu_capability()
        if same_processor and recorded["torch"] == torch.__version__:
            assert digest == recorded["sha256"]
        else:
            assert digest == replay_digest(recipe, mnist)
    finally:
        torch.set_num_threads(threads)


def test_training_on_bounds_leaves_arithmetic_as_it_was(tiny: DataSet) -> None:
    """The smallest numbers count again afterwards: flushing them is the process's flag, not ours."""
    smallest = torch.tensor([1e-40])
    replay_digest(RECIPES["certified"], tiny)
    assert float(smallest * 0.5) > 0


def test_a_resumed_run_ends_like_an_uninterrupted_one(tiny: DataSet, tmp_path: Path) -> None:
    """Stopped after an epoch and resumed, a run leaves the very same weights."""
    whole = train("net", SMALL, tiny, tmp_path / "whole")
    broken = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        train("net", SMALL, tiny, broken, progress=interrupt_in("epoch 2/2"))
    assert (broken / "net.latest.checkpoint").is_file()
    resumed = train("net", SMALL, tiny, broken, resume=True)
    assert resumed["sha256"] == whole["sha256"]
    assert [p.name for p in sorted(broken.iterdir())] == ["net.json", "net.safetensors", "net.svg"]


def interrupt_in(what: str) -> Any:
    """A progress display that presses Ctrl-C in the middle of `what`."""

    def tell(label: str, done: int, total: int) -> None:
        if label == what and done == total // 2:
            raise KeyboardInterrupt

    return tell


def test_a_checkpoint_of_another_run_is_refused(tiny: DataSet, tmp_path: Path) -> None:
    """A run does not continue from the checkpoint of another recipe, nor from a broken file."""
    trainer = loops.Trainer(SMALL, tiny)
    path = tmp_path / "net.latest.checkpoint"
    checkpoint.store(trainer, path)
    other = loops.Trainer(dataclasses.replace(SMALL, seed=1), tiny)
    with pytest.raises(checkpoint.UsageError, match="of this recipe and data; remove it"):
        checkpoint.restore(other, path)
    path.write_bytes(path.read_bytes()[:1_000])
    with pytest.raises(checkpoint.UsageError, match="expected a checkpoint"):
        checkpoint.restore(trainer, path)


def test_a_collapse_is_noticed_and_rolled_back(
    tiny: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the probe falls far below its best, the run goes back to the best epoch at half the pace."""
    probes = iter([0.8, 0.1, 0.7])
    monkeypatch.setattr(loops.Trainer, "_probe", lambda _: {"tuning_robust_accuracy": next(probes)})
    recipe = dataclasses.replace(SMALL, epochs=3)
    manifest = train("net", recipe, tiny, tmp_path)
    rolled = [entry.get("rolled_back", False) for entry in manifest["history"]]
    assert rolled == [False, True, False]
    assert manifest["epoch_kept"] == 1


def test_training_learns(mnist: DataSet) -> None:
    """A quarter of an epoch of the baseline recipe already reads most tuning digits."""
    trainer = loops.Trainer(dataclasses.replace(RECIPES["baseline"], epochs=1), mnist)
    trainer.run_epoch(stop_after=100)
    assert loops.accuracy(trainer.model.eval(), mnist.tuning[:500]) > 0.85


def test_the_hardened_model_is_harder(mnist: DataSet) -> None:
    """Adversarial training pays: under PGD the hardened network holds where the baseline falls."""
    held = []
    digits = mnist.tuning[:200]
    for name in ("baseline", "hardened"):
        model = loading.resolve(name).model
        rng = torch.Generator().manual_seed(0)
        threat = loops.Linf(0.3)
        x_adv = loops.PGD(steps=20).propose(
            model, digits.images(), digits.labels, threat=threat, rng=rng
        )
        held.append(loops.accuracy_of(model, x_adv, digits.labels))
    assert held[0] < 0.1
    assert held[1] > 0.8


def test_a_fast_run_is_one_epoch_of_a_plain_recipe() -> None:
    """--fast leaves network and seed alone; a recipe that hardens takes its time, and says so."""
    fast = RECIPES["baseline"].fast()
    assert fast.epochs == 1
    assert (fast.architecture, fast.seed) == ("A", RECIPES["baseline"].seed)
    with pytest.raises(UsageError, match="leave --fast out"):
        RECIPES["hardened"].fast()
