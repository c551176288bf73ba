"""Equivalence of a model and its exported graph, operation by operation.

An exported graph misses model behaviour that depends on the export itself, on the gradient mode, on
the batch size or on earlier calls. So the logits must be equal on every sample. On two images, model
and graph must run the same operations on equal inputs from the same sources, in each gradient mode.

The check protects against models that are unusual by mistake. It does not protect against an author
who deceives on purpose: the code of a factory is trusted.
"""

from __future__ import annotations

from itertools import product, zip_longest
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from securemnist._util.hashing import sha256
from securemnist.certificates.graph.network import Network
from securemnist.errors import NoCertificate, SecureMnistError, first_line
from securemnist.types import Images, Logits, Model

aten = torch.ops.aten
# Batch sizes and gradient modes in which operations are compared.
_SIZES, _MODES = (1, 2), (torch.no_grad, torch.enable_grad, torch.inference_mode)
# An operation's name and its arguments.
Entry = tuple[str, ...]
_COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd
# Operations that export adds, and operations that return their input under another name.
_IGNORED = (aten.sym_size.int, aten._assert_tensor_metadata.default)
_ALIASES = (aten.detach.default, aten.alias.default)


def check(network: Network, model: nn.Module, x: Images) -> None:
    """NoCertificate if graph and model differ in the logits of `x` or in their operations."""
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
    """The model's logits (n, K) of images (n, ...); NoCertificate if the graph's logits differ."""
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
            difference = next((pair for pair in pairs if pair[0] != pair[1]), None)
        if difference is not None:
            first = f"others from {difference[0][0]} on" if difference[0] else "more"
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
    """A record of all operations that read or write memory that has held values computed from `x`."""

    def __init__(self, x: Images) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: list[Entry] = []
        # References, so that torch reuses neither memory nor identity of these tensors.
        self._alive: list[Any] = [x]
        self._memory = {_storage(x)}
        self._sources = {id(x): "image"}

    def source(self, argument: object) -> str:
        """The entry that computed a tensor. Equal values of different sources are a difference."""
        return self._sources.get(id(argument), "")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.has_kernel_for_dispatch_key(_COMPOSITE):  # in inference mode, not decomposed yet
            with self:
                return func.decompose(*args, **kwargs)
        leaves = tree_leaves((args, kwargs))
        _check_overlap(func, args, kwargs)
        reads = any(isinstance(a, torch.Tensor) and _storage(a) in self._memory for a in leaves)
        entry = (str(func), *(self.source(a) + _content(a) for a in leaves)) if reads else ()
        out = func(*args, **kwargs)
        if reads and func not in _IGNORED:
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
    """NoCertificate if Python reads the value of an activation, as a branch on pixels does."""
    if any(isinstance(value, bool | int | float) for value in tree_leaves(out)):
        raise NoCertificate(
            f"expected operations that do not depend on pixel values, got {func} read by Python"
        )


def _renames(func: Any, args: Any, out: Any) -> bool:
    """Whether the output is the whole first input; an exported graph has slices that Python omits."""
    whole = func is aten.slice.Tensor and out.shape == args[0].shape and len(args) < 5
    return func in _ALIASES or whole


def _check_overlap(func: Any, args: Any, kwargs: Any) -> None:
    """NoCertificate for an operation that writes memory which it also reads in another layout.

    Its result depends on the order of the kernel's loop, which the functional graph does not keep.
    """
    for parameter, written in zip(func._schema.arguments, args, strict=False):
        if parameter.alias_info is None or not parameter.alias_info.is_write:
            continue
        tensors = [a for a in tree_leaves((args, kwargs)) if isinstance(a, torch.Tensor)]
        shared = [tensor for tensor in tensors if _storage(tensor) == _storage(written)]
        if any(_layout(tensor) != _layout(written) for tensor in shared):
            raise NoCertificate("expected no write into memory that is read meanwhile, got one")


def _layout(tensor: torch.Tensor) -> tuple[Any, ...]:
    return tensor.storage_offset(), tensor.shape, tensor.stride()


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _content(argument: object) -> str:
    """The `repr` of an argument; for a tensor its dtype, shape and the digest of its values."""
    if not isinstance(argument, torch.Tensor):
        return repr(argument)
    # A clone, because `contiguous` keeps any stride of a dimension of size 1, which `view` refuses.
    values = argument.detach().clone(memory_format=torch.contiguous_format).reshape(-1)
    content = values.view(torch.uint8).cpu().numpy().tobytes()
    return f"{argument.dtype} {tuple(argument.shape)} {sha256(content)}"
