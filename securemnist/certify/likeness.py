"""Likeness: whether a traced graph does what its model does, operation by operation.

A trace holds what went through torch.fx, and nothing of what a model did beside it: a buffer written and
restored, a layer changed between two calls, another answer to a proxy than to a tensor. So the logits
have to be the same on every digit, and on a few images every operation on what comes of them, with the
very numbers that it reads and where they come from, gradients on and off.

This is against code that was copied unread, not against an author who means to deceive: who knows that he
is watched can look away, and a factory's code is trusted.
"""

from __future__ import annotations

from itertools import product, zip_longest
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from securemnist.digests import sha256
from securemnist.errors import NoCertificate
from securemnist.types import Images, Logits, Model

# Images whose operations are compared, and how a model may be called.
_FEW, _MODES = 2, (torch.no_grad, torch.enable_grad, torch.inference_mode)
# What an operation was, and what it was given.
Entry = tuple[str, ...]


def same_logits(graph: nn.Module, model: nn.Module, x: Images) -> Logits:
    """The model's logits; NoCertificate where its graph computes others."""
    logits: Logits = model(x)
    if bool(logits.isnan().any()):
        raise NoCertificate("expected logits that are numbers, got NaN")
    if not torch.equal(graph(x), logits):
        raise NoCertificate(
            "expected a graph that computes the model's logits, got others: the model depends on more "
            "than its input"
        )
    return logits


def same_operations(graph: nn.Module, model: nn.Module, x: Images) -> None:
    """NoCertificate where the graph does other things than the model to a few images (n, 1, 28, 28)."""
    for few, mode in product((1, _FEW), _MODES):
        with mode():
            pairs = zip_longest(_operations(model, x[:few]), _operations(graph, x[:few]))
            apart = next((pair for pair in pairs if pair[0] != pair[1]), None)
        if apart is not None:
            first = f"others from {apart[0][0]} on" if apart[0] else "more"
            raise NoCertificate(
                f"expected a graph with the model's operations, got {first}: the model depends on more "
                "than its input"
            )


def _operations(model: Model, x: Images) -> list[Entry]:
    x = x.clone()
    if torch.is_grad_enabled():
        x.requires_grad_(True)  # as attacks ask it
    record, drawn = _Record(x), torch.get_rng_state()
    with record:
        answer = model(x)
    if not torch.equal(drawn, torch.get_rng_state()):
        raise NoCertificate("expected a model that draws no random numbers, got one that does")
    return [*record.entries, ("the answer", record.maker(answer))]


class _Record(TorchDispatchMode):
    """Every operation that reads or writes what comes of `x`, in memory that it was kept in."""

    def __init__(self, x: Images) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: list[Entry] = []
        # Held, so that neither memory nor name is given to another tensor meanwhile.
        self._held: list[Any] = [x]
        self._of_images = {_storage(x)}
        self._makers = {id(x): "image"}

    def maker(self, given: object) -> str:
        """Which entry gave a tensor: two of equal content are two all the same."""
        return self._makers.get(id(given), "")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = tree_leaves((args, kwargs or {}))
        touches = any(isinstance(g, torch.Tensor) and _storage(g) in self._of_images for g in given)
        if touches:
            self.entries.append((str(func), *(self.maker(g) + _content(g) for g in given)))
        out = func(*args, **(kwargs or {}))
        if touches:
            made = [value for value in tree_leaves(out) if isinstance(value, torch.Tensor)]
            self._held += made
            self._of_images |= {_storage(value) for value in made}
            for place, value in enumerate(made):
                self._makers[id(value)] = f"{len(self.entries)}.{place} "
        return out


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _content(given: object) -> str:
    """A number as it is written, a tensor by what it holds."""
    if not isinstance(given, torch.Tensor):
        return repr(given)
    content = given.detach().contiguous().reshape(-1).view(torch.uint8).cpu().numpy().tobytes()
    return f"{given.dtype} {tuple(given.shape)} {sha256(content)}"
