"""Equivalence: whether a captured graph does what its model does, operation by operation.

A capture holds what torch.export has recorded, and not what a model does otherwise: another answer
while it is captured, with gradients or for a single image, a memory of earlier calls. So the logits
have to be equal on every sample; and on two images the model and its capture have to run the same
operations on the same numbers from the same sources, in every gradient mode.

This is a check of code that was copied unread. It is none of an author who means to deceive: a
factory's code is trusted.
"""

from __future__ import annotations

from itertools import product, zip_longest
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from securemnist._util.hashing import sha256
from securemnist.certificates.network import Network
from securemnist.errors import NoCertificate, SecureMnistError, first_line
from securemnist.types import Images, Logits, Model

aten = torch.ops.aten
# How many images operations are compared on, and in which modes a model may be called.
_SIZES, _MODES = (1, 2), (torch.no_grad, torch.enable_grad, torch.inference_mode)
# An operation's name, and what it was given.
Entry = tuple[str, ...]
_COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd
# What a capture adds, and what only names a value once more.
_SILENT = (aten.sym_size.int, aten._assert_tensor_metadata.default)
_ALIASES = (aten.detach.default, aten.alias.default)


def check(network: Network, model: nn.Module, x: Images) -> None:
    """NoCertificate where the network computes other logits of `x`, or runs other operations."""
    try:
        for images in (x, x[:1]):
            same_logits(network, model, images)
        _same_operations(network.exported.captured, model, x)
    except SecureMnistError:
        raise
    except Exception as error:
        raise NoCertificate(
            "expected a model that runs on one image or more, with gradients or without, it raised "
            f"{first_line(error):.120}"
        ) from error


def same_logits(network: Network, model: nn.Module, x: Images) -> Logits:
    """The model's logits (n, K) of images (n, ...); NoCertificate where its graph computes others."""
    logits: Logits = model(x)
    if logits.shape != (len(x), network.classes):
        got = tuple(logits.shape)
        raise NoCertificate(f"expected {network.classes} logits for each image, got shape {got}")
    if bool(logits.isnan().any()):
        raise NoCertificate("expected logits that are numbers, got NaN")
    if not torch.equal(network.exported.functional(x), logits):
        raise NoCertificate(
            "expected a graph that computes the model's logits, got others: the model depends on more "
            "than its input"
        )
    return logits


def _same_operations(captured: nn.Module, model: nn.Module, x: Images) -> None:
    for size, mode in product(_SIZES, _MODES):
        with mode():
            pairs = zip_longest(_operations(model, x[:size]), _operations(captured, x[:size]))
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
        x.requires_grad_(True)  # as an attack calls the model
    record, random_state = _Record(x), torch.get_rng_state()
    with record:
        logits = model(x)
    if not torch.equal(random_state, torch.get_rng_state()):
        raise NoCertificate("expected a model that draws no random numbers, got one that does")
    return [*record.entries, ("return", record.source(logits))]


class _Record(TorchDispatchMode):
    """Every operation that reads or writes memory in which values computed from `x` have been."""

    def __init__(self, x: Images) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: list[Entry] = []
        # Kept alive, so that neither memory nor identity is given to another tensor meanwhile.
        self._alive: list[Any] = [x]
        self._memory = {_storage(x)}
        self._sources = {id(x): "image"}

    def source(self, given: object) -> str:
        """Which entry computed a tensor: equal numbers of another source are a difference."""
        return self._sources.get(id(given), "")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.has_kernel_for_dispatch_key(_COMPOSITE):  # in inference mode, not decomposed yet
            with self:
                return func.decompose(*args, **kwargs)
        given = tree_leaves((args, kwargs))
        _check_overlap(func, args, kwargs)
        reads = any(isinstance(g, torch.Tensor) and _storage(g) in self._memory for g in given)
        entry = (str(func), *(self.source(g) + _content(g) for g in given)) if reads else ()
        out = func(*args, **kwargs)
        if reads and func not in _SILENT:
            _check_numbers(func, out)
            self._remember(entry, args[0], out, renamed=_renames(func, args, out))
        return out

    def _remember(self, entry: Entry, first: Any, out: Any, *, renamed: bool) -> None:
        if not renamed:
            self.entries.append(entry)
        tensors = [value for value in tree_leaves(out) if isinstance(value, torch.Tensor)]
        self._alive += tensors
        self._memory |= {_storage(value) for value in tensors}
        for index, value in enumerate(tensors):
            own = f"{len(self.entries)}.{index} "
            self._sources[id(value)] = self.source(first) if renamed else own


def _check_numbers(func: Any, out: Any) -> None:
    """NoCertificate where Python reads a number of an activation, as a branch on pixels does."""
    if any(isinstance(value, bool | int | float) for value in tree_leaves(out)):
        raise NoCertificate(
            f"expected operations that do not depend on pixel values, got {func} read by Python"
        )


def _renames(func: Any, args: Any, out: Any) -> bool:
    """Whether the output is the first input as a whole: a capture slices where Python does not."""
    whole = func is aten.slice.Tensor and out.shape == args[0].shape and len(args) < 5
    return func in _ALIASES or whole


def _check_overlap(func: Any, args: Any, kwargs: Any) -> None:
    """NoCertificate for a write into memory that is read under another shape meanwhile.

    Its result depends on the order of the kernel's loop, and the functional graph has another one.
    """
    for argument, given in zip(func._schema.arguments, args, strict=False):
        if argument.alias_info is None or not argument.alias_info.is_write:
            continue
        tensors = [g for g in tree_leaves((args, kwargs)) if isinstance(g, torch.Tensor)]
        shared = [tensor for tensor in tensors if _storage(tensor) == _storage(given)]
        if any(_layout(tensor) != _layout(given) for tensor in shared):
            raise NoCertificate("expected no write into memory that is read meanwhile, got one")


def _layout(tensor: torch.Tensor) -> tuple[Any, ...]:
    return tensor.storage_offset(), tensor.shape, tensor.stride()


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _content(given: object) -> str:
    """A number as it is written, a tensor by the digest of its numbers."""
    if not isinstance(given, torch.Tensor):
        return repr(given)
    content = given.detach().contiguous().reshape(-1).view(torch.uint8).cpu().numpy().tobytes()
    return f"{given.dtype} {tuple(given.shape)} {sha256(content)}"
