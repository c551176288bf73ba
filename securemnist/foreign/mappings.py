"""The state dict in what a checkpoint holds: found in nested mappings, its tensors without sharing.

Runs in the confined process, on objects that come from the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

# Names under which training scripts put the state dict into a checkpoint.
KEYS = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "module",
    "params",
    "weights",
)
MAX_TENSORS = 20_000
_MAX_DEPTH = 8
_NAME = re.compile(r"[A-Za-z0-9_.:/\-]{1,256}")


class Found(NamedTuple):
    """The tensors by name, the keys that lead to them, and the names of entries that are left out."""

    tensors: dict[str, torch.Tensor]
    path: list[str]
    left_out: list[str]


def find(loaded: object, key: str | None, limit: int) -> Found:
    """The state dict in `loaded`, or below the entry `key`; ValueError in one sentence.

    `limit`: bytes of all tensors, which views of one storage can exceed.
    """
    mapping, path, left_out = _mapping(loaded), [], []
    if key is not None:
        mapping, path = _mapping(_entry(mapping, key)), [key]
    for _ in range(_MAX_DEPTH):
        inner = None if key is not None else _inner(mapping)
        if inner is None:
            break
        left_out += [f"{name!s:.60}" for name in mapping if name != inner]
        mapping, path = _mapping(mapping[inner]), [*path, inner]
    tensors = {name: value for name, value in mapping.items() if isinstance(value, torch.Tensor)}
    left_out += [f"{name!s:.60}" for name in mapping if name not in tensors]
    _check(tensors, limit)
    plain = torch.contiguous_format
    copies = {name: each.detach().clone(memory_format=plain) for name, each in tensors.items()}
    return Found(copies, path, left_out[:100])


def _mapping(value: object) -> dict[Any, Any]:
    """A plain copy of a mapping: attributes of an OrderedDict from a file may hide its methods."""
    if not isinstance(value, dict):
        raise ValueError(f"expected a state dict, got {type(value).__name__}")
    return dict(dict.items(value))


def _entry(mapping: Mapping[Any, Any], key: str) -> object:
    """The entry `key`; ValueError with the names that are there."""
    if key not in mapping:
        names = ", ".join(f"{name!s:.40}" for name in list(mapping)[:8]) or "none"
        raise ValueError(f"expected an entry {key:.40}, got {names}; name one of them with --key")
    return mapping[key]


def _inner(mapping: Mapping[Any, Any]) -> str | None:
    """The entry that holds the state dict; None where the mapping is one itself."""
    holding = [name for name, value in mapping.items() if _holds_tensors(value)]
    known = [name for name in holding if name in KEYS]
    if len(known) == 1:
        return str(known[0])
    if known or (len(holding) > 1 and not _holds_tensors(mapping)):
        names = ", ".join(f"{name!s:.40}" for name in (known or holding)[:8])
        raise ValueError(f"expected one state dict, got {names}; name one with --key")
    if _holds_tensors(mapping) or not holding or not isinstance(holding[0], str):
        return None
    return holding[0]


def _holds_tensors(value: object, depth: int = 2) -> bool:
    if not isinstance(value, dict):
        return False
    values = list(dict.values(value))[:MAX_TENSORS]
    if any(isinstance(each, torch.Tensor) for each in values):
        return True
    known = [each for name, each in dict.items(value) if name in KEYS]
    return depth > 0 and any(_holds_tensors(each, depth - 1) for each in known)


def _check(tensors: Mapping[Any, torch.Tensor], limit: int) -> None:
    if not 1 <= len(tensors) <= MAX_TENSORS:
        raise ValueError(
            f"expected 1 to {MAX_TENSORS:,} tensors in a state dict, got {len(tensors):,}"
        )
    for name in tensors:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"expected names of letters, digits and dots, got {name!r:.60}")
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if size > limit:
        raise ValueError(f"expected at most {limit} bytes of tensors, got {size}")
