"""Checkpoint of a run: safetensors and JSON, written after every epoch by atomic rename."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch
import torch

from securemnist.attacks.base import channels_last
from securemnist.errors import UsageError
from securemnist.resources import write_atomically
from securemnist.train.loop import Trainer

_ADVICE = "remove it to start again"


def store(trainer: Trainer, path: Path) -> None:
    """Write the state of `trainer`; the previous checkpoint stays whole until the new one is."""
    tensors = {f"model.{k}": v.contiguous() for k, v in trainer.model.state_dict().items()}
    for index, state in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{key}": value.contiguous() for key, value in state.items()}
    facts = {
        "recipe": trainer.recipe.to_json(),
        "data": trainer.data.digests,
        "epoch": trainer.epoch,
        "slowdown": trainer.slowdown,
        "history": trainer.history,
    }
    write_atomically(path, safetensors.torch.save(tensors, metadata={"run": json.dumps(facts)}))


def restore(trainer: Trainer, path: Path) -> None:
    """Continue where the checkpoint stopped; UsageError where it belongs to another run."""
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            facts = json.loads((file.metadata() or {})["run"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no dict)
    except Exception as error:
        raise UsageError(f"{path}: expected a checkpoint, got {error}; {_ADVICE}") from error
    if facts["recipe"] != trainer.recipe.to_json() or facts["data"] != trainer.data.digests:
        raise UsageError(f"{path}: expected a checkpoint of this recipe and data; {_ADVICE}")
    model = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    trainer.model.load_state_dict(model, strict=True)
    optimizer = trainer.optimizer.state_dict()
    optimizer["state"] = _optimizer_state(tensors)
    trainer.optimizer.load_state_dict(optimizer)
    trainer.epoch, trainer.slowdown = facts["epoch"], facts["slowdown"]
    trainer.history = facts["history"]


def _optimizer_state(tensors: dict[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("adam."):
            _, index, name = key.split(".")
            # The fused optimizer walks state and weights side by side in memory: one layout for both.
            state.setdefault(int(index), {})[name] = (
                channels_last(value) if value.dim() == 4 else value
            )
    return state
