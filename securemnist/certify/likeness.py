"""Likeness: whether a traced graph does what its model does, operation by operation.

A trace holds what went through torch.fx, and nothing of what a model did beside it: a buffer written and
restored, a layer changed between two calls, another answer to a proxy than to a tensor. So the logits
have to be the same on every digit, and on a few images every operation on what comes of them, with the
very numbers that it reads, gradients on and off.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from securemnist.digests import sha256
from securemnist.errors import NoCertificate
from securemnist.types import Images, Logits, Model

# Images whose operations are compared.
_FEW = 2
# What an operation was, and what it was given.
Entry = tuple[str, ...]


def same_logits(graph: nn.Module, model: nn.Module, x: Images) -> Logits:
    """The model's logits; NoCertificate where its graph computes others."""
    logits: Logits = model(x)
    if not torch.equal(graph(x), logits):  # NaN is equal to nothing
        raise NoCertificate(
            "expected a graph that computes the model's logits, got others: the model depends on more "
            "than its input"
        )
    return logits


def same_operations(graph: nn.Module, model: nn.Module, x: Images) -> None:
    """NoCertificate where the graph does other things than the model to a few images (n, 1, 28, 28)."""
    for gradients in (False, True):
        with torch.set_grad_enabled(gradients):
            pairs = zip_longest(_operations(model, x[:_FEW]), _operations(graph, x[:_FEW]))
            apart = next((pair for pair in pairs if pair[0] != pair[1]), None)
        if apart is not None:
            first = f"others from {apart[0][0]} on" if apart[0] else "more"
            raise NoCertificate(
                f"expected a graph with the model's operations, got {first}: the model depends on more "
                "than its input"
            )


def _operations(model: Model, x: Images) -> list[Entry]:
    x = x.clone()
    record = _Record(x)
    with record:
        model(x)
    return record.entries


class _Record(TorchDispatchMode):
    """Every operation that reads or writes what comes of `x`, in memory that it was kept in."""

    def __init__(self, x: Images) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: list[Entry] = []
        # Held, so that no memory is given to another tensor meanwhile.
        self._held: list[Any] = [x]
        self._of_images = {_storage(x)}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = tree_leaves((args, kwargs or {}))
        touches = any(isinstance(g, torch.Tensor) and _storage(g) in self._of_images for g in given)
        if touches:
            self.entries.append((str(func), *map(_content, given)))
        out = func(*args, **(kwargs or {}))
        if touches:
            made = [value for value in tree_leaves(out) if isinstance(value, torch.Tensor)]
            self._held += made
            self._of_images |= {_storage(value) for value in made}
        return out


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _content(given: object) -> str:
    """A number as it is written, a tensor by what it holds."""
    if not isinstance(given, torch.Tensor):
        return repr(given)
    content = given.detach().contiguous().reshape(-1).view(torch.uint8).cpu().numpy().tobytes()
    return f"{given.dtype} {tuple(given.shape)} {sha256(content)}"
