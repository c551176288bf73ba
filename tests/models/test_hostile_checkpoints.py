"""Damaged checkpoints: one sentence each, and an unchanged run."""

from __future__ import annotations

import dataclasses
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.train import Recipe, checkpoint
from securemnist.train.loop import Trainer
from tests.error_form import one_sentence
from tests.models.test_hostile_weights import put_together
from tests.train.test_training import SMALL

Parts = tuple[dict[str, torch.Tensor], dict[str, Any]]


@pytest.fixture(scope="module")
def small(mnist: DataSet) -> DataSet:
    """A data set of 64 training and 20 tuning images."""
    return dataclasses.replace(mnist, train=mnist.train[:64], tuning=mnist.tuning[:20])


@pytest.fixture(scope="module")
def stored(small: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a run after its first epoch."""
    trainer = Trainer(SMALL, small)
    trainer.run_epoch()
    path = tmp_path_factory.mktemp("run") / "net.checkpoint"
    checkpoint.store(trainer, path)
    return path


def parts_of(path: Path) -> Parts:
    """Tensors and metadata of a checkpoint."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    facts = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["run"])
    return safetensors.torch.load(content), facts


def tensor(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Parts], object]:
    """A change of the tensors."""
    return lambda parts: change(parts[0])


def metadata(**changes: Any) -> Callable[[Parts], object]:
    """A change of the metadata."""
    return lambda parts: parts[1].update(changes)


def entry(**changes: Any) -> Callable[[Parts], object]:
    """A change of the only entry of the history."""
    return lambda parts: parts[1]["history"][0].update(changes)


WEIGHT, AVERAGE = "model.fc2.weight", "adam.0.exp_avg_sq"
DAMAGE: dict[str, tuple[Callable[[Parts], object], str]] = {
    "a tensor renamed": (tensor(lambda t: t.update({"model.x": t.pop(WEIGHT)})), "differs in"),
    "a tensor missing": (tensor(lambda t: t.pop(AVERAGE)), "differs in adam.0.exp_avg_sq"),
    "no optimizer index": (
        tensor(lambda t: t.update({"adam.": t[WEIGHT].clone()})),
        "differs in adam.",
    ),
    "another shape": (tensor(lambda t: t.update({WEIGHT: t[WEIGHT].T.contiguous()})), "as F32"),
    "another dtype": (tensor(lambda t: t.update({WEIGHT: t[WEIGHT].half()})), "got ('F16'"),
    "NaN": (tensor(lambda t: t[WEIGHT].fill_(torch.nan)), "got NaN or inf in 'model.fc2.weight'"),
    "an endless average": (tensor(lambda t: t[AVERAGE].fill_(torch.inf)), "got NaN or inf"),
    "a negative square": (tensor(lambda t: t[AVERAGE].fill_(-1)), "got a negative one"),
    "negative steps": (tensor(lambda t: t["adam.0.step"].fill_(-1)), "got a negative one"),
    "an epoch of text": (metadata(epoch="1"), "expected an epoch of 0 to 2, got '1'"),
    "an epoch below": (metadata(epoch=-1), "expected an epoch of 0 to 2, got -1"),
    "an epoch beyond": (metadata(epoch=10**9), "expected an epoch of 0 to 2"),
    "a true epoch": (metadata(epoch=True), "expected an epoch of 0 to 2, got True"),
    "no epoch": (lambda parts: parts[1].pop("epoch"), "expected an epoch of 0 to 2, got None"),
    "no slowdown": (metadata(slowdown=None), "expected a slowdown in (0, 1], got None"),
    "a slowdown of 0": (metadata(slowdown=0), "expected a slowdown in (0, 1], got 0"),
    "a huge slowdown": (metadata(slowdown=1e308), "expected a slowdown in (0, 1], got 1e+308"),
    "no history": (metadata(history=None), "expected a history of 1 epochs, got None"),
    "a short history": (metadata(history=[]), "expected a history of 1 epochs, got []"),
    "a history of texts": (metadata(history=["x"]), "expected finite numbers of an epoch"),
    "a text in the history": (entry(loss="0.1"), "expected finite numbers of an epoch"),
    "no probe": (
        lambda parts: parts[1]["history"][0].pop("tuning_robust_accuracy"),
        "expected finite numbers of an epoch with tuning_robust_accuracy",
    ),
    "another recipe": (metadata(recipe={}), "expected a checkpoint of this recipe and data"),
    "no recipe": (metadata(recipe=None), "expected a checkpoint of this recipe and data"),
}


def restore_error(path: Path, small: DataSet, recipe: Recipe = SMALL) -> str:
    """The error of a refused restore; the run must be unchanged."""
    trainer, untouched = Trainer(recipe, small), Trainer(recipe, small)
    with pytest.raises(UsageError) as caught:
        checkpoint.restore(trainer, path)
    state, before = trainer.model.state_dict(), untouched.model.state_dict()
    assert all(torch.equal(state[name], before[name]) for name in before)
    assert (trainer.epoch, trainer.slowdown, trainer.history) == (0, 1.0, [])
    assert not trainer.optimizer.state_dict()["state"]
    text = one_sentence(caught.value)
    assert text.startswith(f"{path}: expected a checkpoint")
    assert text.endswith("; remove it to start again")
    return text


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_checkpoint_refused(
    name: str, stored: Path, small: DataSet, tmp_path: Path
) -> None:
    """Each kind of damage is one UsageError, and the run is unchanged."""
    change, words = DAMAGE[name]
    tensors, facts = parts = parts_of(stored)
    change(parts)
    path = tmp_path / "net.checkpoint"
    path.write_bytes(safetensors.torch.save(tensors, metadata={"run": json.dumps(facts)}))
    assert words in restore_error(path, small)


METADATA = {
    "no metadata": {},
    "no run": {"__metadata__": {}},
    "a list": {"__metadata__": []},
    "a run that is a list": {"__metadata__": {"run": []}},
    "a run that is JSON of a list": {"__metadata__": {"run": "[]"}},
    "a deep run": {"__metadata__": {"run": "[" * 100_000}},
    "half a character": {"__metadata__": {"run": "\ud800"}},
    "twice the same key": {"__metadata__": {"run": '{"epoch": 0, "epoch": 1}'}},
}


@pytest.mark.parametrize("name", METADATA)
def test_malformed_checkpoint_metadata_refused(name: str, small: DataSet, tmp_path: Path) -> None:
    """Metadata without the state of a run is one UsageError."""
    path = tmp_path / "net.checkpoint"
    path.write_bytes(put_together(METADATA[name], b""))
    restore_error(path, small)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda p: p.symlink_to("/dev/zero")])
def test_checkpoint_not_a_file_refused(
    make: Callable[[Path], object], small: DataSet, tmp_path: Path
) -> None:
    """A FIFO, a folder and a device are refused at once."""
    make(tmp_path / "net.checkpoint")
    restore_error(tmp_path / "net.checkpoint", small)


def test_valid_checkpoint_restored(stored: Path, small: DataSet) -> None:
    """A valid checkpoint restores the run as it was stored."""
    trainer = Trainer(SMALL, small)
    checkpoint.restore(trainer, stored)
    tensors, facts = parts_of(stored)
    assert torch.equal(trainer.model.state_dict()["fc2.weight"], tensors[WEIGHT])
    assert (trainer.epoch, trainer.history) == (1, facts["history"])
