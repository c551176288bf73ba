"""Straight-through gradients for a model that stops them (BPDA; Athalye et al., arXiv 1802.00420).

The copy computes exactly what the model computes. Only its backward pass differs: rounding, comparisons,
class indices and casts to integers get the gradient of a smooth function. It needs no knowledge of the
model's code, and the referee still asks the model itself.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from securemnist.defences import class_rules, rules
from securemnist.defences.soft_values import (
    companion,
    copy_companions,
    distribution,
    smooth_of,
    smooth_values,
    with_companion,
    with_distribution,
)
from securemnist.types import Images, Logits

# Functions that move or repeat values without computing with them.
_MOVES = {
    *("__getitem__", "unsqueeze", "squeeze", "reshape", "view", "flatten", "permute", "transpose"),
    *("movedim", "swapaxes", "expand", "contiguous", "clone", "stack", "cat", "concat", "flip"),
    *("roll", "T", "mT", "t", "repeat", "to", "long", "int", "cpu", "expand_as", "view_as"),
}
# What a rule raises for arguments that it was not written for.
_NO_RULE = (RuntimeError, TypeError, ValueError, IndexError, KeyError, AttributeError)
_GRADIENT_MODES = ("_set_grad_enabled", "set_grad_enabled")


class StraightThrough(nn.Module):
    """A model with the same answers, bit for bit, whose gradients pass through discrete steps."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Images) -> Logits:
        if not (torch.is_grad_enabled() and x.requires_grad):
            return self.model(x)  # type: ignore[no-any-return]
        with _Replacing():
            return self.model(x)  # type: ignore[no-any-return]


class WithoutRounding(nn.Module):
    """A model whose rounding and casts to integers are left out, so that it has a true gradient.

    Its answers differ from the model's. A comparison or a class index keeps a gradient that is not the
    derivative.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Images) -> Logits:
        wanted = torch.is_grad_enabled() and x.requires_grad
        with torch.enable_grad(), smooth_values(), _Replacing():
            logits: Logits = self.model(x if x.requires_grad else x.detach().requires_grad_())
        return logits if wanted else logits.detach()


class _Replacing(TorchFunctionMode):
    """Replaces the gradients of torch functions while it is active."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        options, name = dict(kwargs or {}), _name(func)
        if name in _GRADIENT_MODES:
            return None  # the model switches gradients off
        if not any(_is_smooth(value) for value in _tensors((args, options))):
            return func(*args, **options)
        with torch.enable_grad():
            outside = _outside(name)
            try:
                if outside is None:
                    return _replaced(func, name, args, options)
                new = _replaced(outside, name[:-1], _with_copy(args), options)
            except _NO_RULE:  # an unusual form of the function: its own gradient
                return func(*args, **options)
            return _written(func, args, options, new)


def _replaced(func: Any, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    plain = name.strip("_")
    for table in (rules.RULES, class_rules.RULES):
        rule = table.get(plain)
        result = None if rule is None else rule(func, args, options)
        if result is not None:
            return result
    return _general(func, name, args, options)


def _outside(name: str) -> Any:
    """The function that returns a new tensor, for one that writes into its first argument."""
    if name.endswith("_") and not name.endswith("__"):
        return getattr(torch.Tensor, name[:-1], None)
    return None


def _with_copy(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments with a copy of the first, because the backward pass needs its old values."""
    first = args[0]
    return (first.clone() if first.is_floating_point() else first, *args[1:])


def _written(func: Any, args: tuple[Any, ...], options: dict[str, Any], new: Any) -> Any:
    """The first argument, into which `new` is written."""
    target = args[0]
    if target.is_floating_point():
        return target.copy_(new)
    func(*args, **options)
    return copy_companions(new, target)


def _general(func: Any, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The function itself; companions and distributions of its arguments are passed on."""
    result = func(*args, **options)
    if not isinstance(result, torch.Tensor):
        return result
    given = list(_tensors((args, options)))
    moved = args[:1] if name == "__getitem__" else given
    if name in _MOVES and any(distribution(value) is not None for value in _tensors(moved)):
        _move_distribution(func, args, options, result)
    carriers = [value for value in given if companion(value) is not None]
    if not carriers:
        return result
    try:
        smooth = func(*_mapped(args, smooth_of), **_mapped(options, smooth_of))
    except _NO_RULE:
        smooth = None
    if not isinstance(smooth, torch.Tensor) or not smooth.is_floating_point():
        # A function of integers only, such as a bit mask: as if it were the identity.
        smooth = next((smooth_of(value) for value in carriers if value.shape == result.shape), None)
    if smooth is None or smooth.shape != result.shape:
        return result
    return with_companion(result, smooth)


def _move_distribution(
    func: Any, args: tuple[Any, ...], options: dict[str, Any], result: torch.Tensor
) -> None:
    """Move the distribution over the classes as the class indices are moved."""
    found = [distribution(value) for value in _tensors((args, options))]
    classes = min(value.shape[-1] for value in found if value is not None)
    parts = []
    for k in range(classes):

        def plane(value: Any, k: int = k) -> Any:
            known = distribution(value)
            return value if known is None else known[..., k]

        parts.append(func(*_mapped(args, plane), **_mapped(options, plane)))
    if all(part.is_floating_point() and part.shape == result.shape for part in parts):
        with_distribution(result, torch.stack(parts, -1))


def _is_smooth(value: torch.Tensor) -> bool:
    return value.requires_grad or companion(value) is not None or distribution(value) is not None


def _tensors(value: Any) -> Any:
    """The tensors in nested lists, tuples and tables."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def _mapped(value: Any, change: Any) -> Any:
    """The same nested lists, tuples and tables with changed tensors."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if type(value) in (list, tuple):
        return type(value)(_mapped(part, change) for part in value)
    if isinstance(value, dict):
        return {key: _mapped(part, change) for key, part in value.items()}
    return value


def _name(func: Any) -> str:
    """The function's name; of a property, such as `Tensor.data`, that of the property."""
    name = str(getattr(func, "__name__", ""))
    if name != "__get__":
        return name
    return str(getattr(getattr(func, "__self__", None), "__name__", ""))
