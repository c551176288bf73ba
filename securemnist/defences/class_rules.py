"""Gradients of class indices: argmax, one-hot codes, votes, and tables read by an index.

An index carries a distribution over the classes, the softmax of the scores that it is the argmax of. A
function of the index then has the gradient of its mean over the distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from securemnist.defences.rules import Rule
from securemnist.defences.soft_values import (
    distribution,
    smooth_of,
    soft_classes,
    with_companion,
    with_distribution,
)


def _largest(sign: int) -> Rule:
    """The rule of argmax (1) and argmin (-1)."""

    def rule(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        result, dim = func(*args, **options), _argument(args, options, "dim", 1)
        if dim is None:
            return result
        classes = soft_classes(sign * args[0], dim)
        return with_distribution(result, _kept(classes, result, dim))

    return rule


def _maximum(sign: int) -> Rule:
    """The rule of max and min along a dimension, whose second result are indices."""

    def rule(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        dim = _argument(args, options, "dim", 1)
        if type(dim) is not int:
            return None
        result = func(*args, **options)
        classes = soft_classes(sign * args[0], dim)
        with_distribution(result[1], _kept(classes, result[1], dim))
        return result

    return rule


def _counted(count: Callable[[torch.Tensor], torch.Tensor]) -> Rule:
    """The rule of a code, or a count, of indices: `count` of their distributions, for all classes."""

    def rule(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if (classes := distribution(args[0])) is None:
            return None
        result = func(*args, **options)
        return with_companion(result, _padded(count(classes), result.shape[-1]))

    return rule


def _equal(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """An index equals a class, or another index: the probability of it."""
    left, right = args[0], args[1] if len(args) > 1 else options["other"]
    first, second = distribution(left), distribution(right)
    known = first if first is not None else second
    if known is None:
        return None
    result, count = func(*args, **options), known.shape[-1]
    if first is None or second is None:
        other = right if first is not None else left
        second = _codes(other, count, known.device).to(known.dtype)
        first = known
    match = (first * second).sum(-1)
    return with_companion(result, match.expand(result.shape))


def _different(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    same = _equal(torch.eq, args, options)
    if same is None:
        return None
    return with_companion(func(*args, **options), 1 - smooth_of(same))


def _read(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Rows of a table, by an index: their mean over the classes."""
    if func.__name__ == "embedding":
        table, index = (args[1], args[0]) if args[0].dtype == torch.long else args[:2]
    else:
        table, index = args[0], args[-1]
    classes = distribution(index)
    whole = not isinstance(index, tuple) and distribution(table) is None
    if classes is None or not whole or not table.is_floating_point():
        return None
    if len(table) != classes.shape[-1]:
        return None
    return with_companion(func(*args, **options), torch.tensordot(classes, table, 1))


def _scatter(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Values written, or added, at the places of an index (n, 1) or (n, v) of a table (n, K)."""
    target, dim, index = args[:3]
    source: Any = args[3] if len(args) > 3 else options.get("src", options.get("value"))
    classes = distribution(index)
    if classes is None or target.dim() != 2 or dim not in (1, -1):
        return None
    classes = _padded(classes, target.shape[1])
    weights: Any = source[..., None] if isinstance(source, torch.Tensor) else source
    added = (classes * weights).sum(1)
    kept = 1.0 if func.__name__ == "scatter_add" else (1 - classes).prod(1)
    return with_companion(func(*args, **options), target * kept + added)


def _set_item(func: Any, args: tuple[Any, ...], _options: dict[str, Any]) -> Any:
    """`table[rows, index] = value`, written with the gradient of the distribution."""
    target, key, value = args
    index = key[1] if isinstance(key, tuple) and len(key) == 2 else None
    classes = distribution(index)
    if classes is None or target.dim() != 2 or len(classes) != len(target):
        return None
    before, written = target.clone(), target.detach().clone()
    func(written, key, value)
    classes = _padded(classes, target.shape[1]).to(target.dtype)
    new = value[:, None] if isinstance(value, torch.Tensor) and value.dim() == 1 else value
    if target.is_floating_point():
        target.copy_(with_companion(written, before * (1 - classes) + classes * new))
    else:
        func(target, key, value)
    return True


def _most_frequent(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The most frequent index along a dimension: the mean distribution."""
    if (classes := distribution(args[0])) is None:
        return None
    result = func(*args, **options)
    dim = _argument(args, options, "dim", 1)
    dim = (-1 if dim is None else dim) % args[0].dim()
    mean = classes.mean(dim)
    with_distribution(result[0], mean.unsqueeze(dim) if result[0].dim() == mean.dim() else mean)
    return result


def _argument(args: tuple[Any, ...], options: dict[str, Any], name: str, place: int) -> Any:
    return options.get(name, args[place] if len(args) > place else None)


def _kept(classes: torch.Tensor, indices: torch.Tensor, dim: int) -> torch.Tensor:
    """The distribution in the form of the indices, which may keep their dimension."""
    if indices.dim() == classes.dim():
        return classes.unsqueeze(dim % indices.dim())
    return classes


def _padded(classes: torch.Tensor, count: int) -> torch.Tensor:
    missing = count - classes.shape[-1]
    return torch.nn.functional.pad(classes, (0, missing))


def _codes(value: Any, count: int, device: torch.device) -> torch.Tensor:
    """One-hot codes (..., count) of classes; zeros for a class outside."""
    value = torch.as_tensor(value, device=device)
    codes: torch.Tensor = value[..., None] == torch.arange(count, device=device)
    return codes


RULES: Mapping[str, Rule] = {
    "argmax": _largest(1),
    "argmin": _largest(-1),
    "max": _maximum(1),
    "min": _maximum(-1),
    "one_hot": _counted(lambda classes: classes),
    **dict.fromkeys(("scatter", "scatter_add"), _scatter),
    **dict.fromkeys(("getitem", "index_select", "embedding"), _read),
    "setitem": _set_item,
    "mode": _most_frequent,
    "bincount": _counted(lambda classes: classes.sum(0)),
    "eq": _equal,
    **dict.fromkeys(("ne", "not_equal"), _different),
}
