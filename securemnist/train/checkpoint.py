"""Checkpoints of a training run: safetensors and JSON, written after every epoch by atomic rename.

A checkpoint is an untrusted file: all of it is validated before the run changes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from securemnist._util.files import read_or_raise
from securemnist._util.parsing import json_object
from securemnist._util.resources import write_atomically
from securemnist._util.tensor_file import Expected, metadata, read_header, read_tensors
from securemnist.batches import channels_last
from securemnist.errors import ParseError, UsageError
from securemnist.sanitize import line
from securemnist.train.loop import Trainer

MAX_BYTES = 1 << 30
_ADVICE = "remove it to start again"
# Adam's state of one parameter: the number of steps, and two running averages of its shape.
_AVERAGES = ("exp_avg", "exp_avg_sq")


def store(trainer: Trainer, path: Path) -> None:
    """Write the state of `trainer`; the previous checkpoint is replaced by a complete new one."""
    tensors = {f"model.{k}": v.contiguous() for k, v in trainer.model.state_dict().items()}
    for index, state in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{key}": value.contiguous() for key, value in state.items()}
    facts = {
        "recipe": trainer.recipe.to_json(),
        "data": trainer.data.digests,
        "torch": str(torch.__version__),
        "epoch": trainer.epoch,
        "slowdown": trainer.slowdown,
        "history": trainer.history,
    }
    write_atomically(path, safetensors.torch.save(tensors, metadata={"run": json.dumps(facts)}))


def restore(trainer: Trainer, path: Path) -> None:
    """Set `trainer` to the state of the checkpoint; UsageError, without a change, if it is not valid."""
    content = read_or_raise(path, MAX_BYTES, "a checkpoint", UsageError, _ADVICE)
    try:
        header = read_header(content)
        facts = _facts(metadata(header), trainer, path)
        stepped = any(key.startswith("adam.") for key in header.entries)
        tensors = read_tensors(content, header, _expected(trainer, stepped), "this recipe")
        _check_averages(tensors)
    except ParseError as error:
        raise UsageError(
            f"{path}: expected a checkpoint, got another file ({error!s:.300}); {_ADVICE}"
        ) from error
    model = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    trainer.model.load_state_dict(model, strict=True)
    optimizer = trainer.optimizer.state_dict()
    optimizer["state"] = _optimizer_state(tensors)
    trainer.optimizer.load_state_dict(optimizer)
    trainer.epoch, trainer.slowdown = facts["epoch"], facts["slowdown"]
    trainer.history = facts["history"]


def _expected(trainer: Trainer, stepped: bool) -> dict[str, Expected]:
    """The tensors of a checkpoint of this run; those of the optimizer exist after its first step."""
    expected = {
        f"model.{name}": Expected.like(tensor)
        for name, tensor in trainer.model.state_dict().items()
    }
    for index, weight in enumerate(trainer.model.parameters() if stepped else ()):
        expected[f"adam.{index}.step"] = Expected("F32", [])
        expected |= {f"adam.{index}.{name}": Expected.like(weight) for name in _AVERAGES}
    return expected


def _check_averages(tensors: Mapping[str, torch.Tensor]) -> None:
    """ParseError for impossible Adam states: a negative step count or mean of squares."""
    for name, tensor in tensors.items():
        if name.startswith("adam.") and not name.endswith(".exp_avg") and bool((tensor < 0).any()):
            raise ParseError(f"expected numbers of 0 or more in {name!r}, got a negative one")


def _facts(entries: Mapping[str, Any], trainer: Trainer, path: Path) -> dict[str, Any]:
    """Recipe, data, epoch, slowdown and history, with types and ranges checked."""
    text = entries.get("run")
    if not isinstance(text, str):
        raise ParseError("expected the state of a run in its metadata, got none")
    try:
        facts = json_object(text.encode(errors="replace"))
    except ParseError as error:
        raise ParseError(f"expected the state of a run, got {error}") from error
    if facts.get("recipe") != trainer.recipe.to_json() or facts.get("data") != trainer.data.digests:
        raise UsageError(f"{path}: expected a checkpoint of this recipe and data; {_ADVICE}")
    if (version := facts.get("torch")) != torch.__version__:  # a run of two versions is of none
        raise UsageError(
            f"{path}: expected a checkpoint of torch {torch.__version__}, got one of "
            f"{line(version or 'an unknown version', 40)}; {_ADVICE}"
        )
    epoch, slowdown, history = (facts.get(key) for key in ("epoch", "slowdown", "history"))
    if type(epoch) is not int or not 0 <= epoch <= trainer.recipe.epochs:
        raise ParseError(f"expected an epoch of 0 to {trainer.recipe.epochs}, got {epoch!r:.40}")
    if not isinstance(slowdown, int | float) or not 0 < slowdown <= 1:
        raise ParseError(f"expected a slowdown in (0, 1], got {slowdown!r:.40}")
    if not isinstance(history, list) or len(history) != epoch:
        raise ParseError(f"expected a history of {epoch} epochs, got {history!r:.40}")
    for entry in history:
        _check_entry(entry, trainer.recipe.probe)
    return facts


def _check_entry(entry: Any, probe: str) -> None:
    """ParseError unless the entry maps names to finite numbers and includes the key `probe`."""
    good = isinstance(entry, dict) and all(
        isinstance(value, int | float) and math.isfinite(value) for value in entry.values()
    )
    if not good or (probe and probe not in entry):
        wanted = f" with {probe}" if probe else ""
        raise ParseError(f"expected finite numbers of an epoch{wanted}, got {entry!r:.60}")


def _optimizer_state(tensors: Mapping[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("adam."):
            _, index, name = key.split(".")
            # The fused optimizer needs the same memory layout for state and weights.
            state.setdefault(int(index), {})[name] = (
                channels_last(value) if value.dim() == 4 else value
            )
    return state
