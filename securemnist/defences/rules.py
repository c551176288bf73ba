"""Gradients of discrete functions of numbers: rounding, signs, comparisons, casts, choices.

Each rule takes a torch function, its arguments and its options. It returns the function's result with a
smooth gradient, or None where the general rule applies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from securemnist.defences.soft_values import (
    bump,
    companion,
    copy_companions,
    distribution,
    smooth_of,
    soft_sign,
    step,
    through,
    values_are_smooth,
    with_companion,
)

Rule = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]
_HUGE = 1e4  # limit of a slope between two branches, one of which may be infinite


def _as(smooth: Callable[[Any], torch.Tensor]) -> Rule:
    """The rule of a function of one number, which has the gradient of `smooth`."""

    def rule(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return with_companion(func(*args, **options), smooth(args[0]))

    return rule


def _as_quotient(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Division that rounds: the gradient of the quotient."""
    if func.__name__ in ("div", "divide", "true_divide") and options.get("rounding_mode") is None:
        return None
    left, right = (smooth_of(value) for value in args[:2])
    quotient = right / left if func.__name__.startswith("__r") else left / right
    return with_companion(func(*args, **options), quotient)


def _comparison(smooth: Callable[[torch.Tensor], torch.Tensor]) -> Rule:
    """The rule of a comparison, of which `smooth` is a function of left minus right."""

    def rule(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        left, right = args[0], args[1] if len(args) > 1 else options["other"]
        if distribution(left) is not None or distribution(right) is not None:
            return None
        difference = _float(left) - _float(right)
        return with_companion(func(*args, **options), smooth(difference))

    return rule


def _cast(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A cast: of a number to an integer, or of a discrete tensor to a number, as the identity."""
    source, known = args[0], companion(args[0])
    if known is not None and values_are_smooth():
        # The numbers keep their precision: a copy in float64 stays one.
        kind = func(source.new_empty(0), *args[1:], **options)
        if isinstance(kind, torch.Tensor) and kind.is_floating_point():
            return known
    result = func(*args, **options)
    if not isinstance(result, torch.Tensor):
        return None
    if result.is_floating_point():
        return result if known is None else through(result, known.to(result.dtype))
    if source.is_floating_point():
        smooth = bump(source) if result.dtype == torch.bool else source
        return with_companion(result, 1 - smooth if result.dtype == torch.bool else smooth)
    return None if distribution(source) is not None else copy_companions(source, result)


def _where(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A choice between two branches: also the gradient of the condition."""
    if len(args) < 3 or (known := companion(args[0])) is None:
        return None
    result = func(*args, **options)
    return _chosen(result, known, args[1], args[2]) if result.is_floating_point() else None


def _masked_fill(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    target, mask, value = (*args, options.get("value"))[:3]
    if (known := companion(mask)) is None or not target.is_floating_point():
        return None
    return _chosen(func(*args, **options), known, value, target)


def _chosen(result: torch.Tensor, condition: torch.Tensor, yes: Any, no: Any) -> torch.Tensor:
    difference = (_detached(yes) - _detached(no)) * torch.ones_like(condition)
    slope = difference.nan_to_num(0.0, 0.0, 0.0).clamp(-_HUGE, _HUGE)
    chosen: torch.Tensor = result + (condition - condition.detach()).to(result.dtype) * slope
    return chosen


def _logical(smooth: Callable[..., torch.Tensor]) -> Rule:
    def rule(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if any(isinstance(value, torch.Tensor) and value.dtype != torch.bool for value in args):
            return None
        result = func(*args, **options)
        return with_companion(result, smooth(*(_float(value) for value in args[:2])))

    return rule


def _reduced(name: str) -> Rule:
    """The rule of `any` and `all`: the largest or the smallest value."""

    def rule(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if (known := companion(args[0])) is None:
            return None
        result = func(*args, **options)
        return with_companion(result, getattr(known, name)(*args[1:], **options))

    return rule


def _attached(_func: Any, args: tuple[Any, ...], _options: dict[str, Any]) -> Any:
    """A detached tensor: the tensor itself."""
    return args[0]


def _without_gradient(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return func(args[0].detach(), *args[1:], **options)


def _bucket(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The index of an interval: the number of its boundaries below the value."""
    values, boundaries = args[:2]
    above = sum(step(values - boundary) for boundary in boundaries)
    return with_companion(func(*args, **options), above)  # type: ignore[arg-type]


def _float(value: Any) -> Any:
    value = smooth_of(value)
    discrete = isinstance(value, torch.Tensor) and not value.is_floating_point()
    return value.float() if discrete else value


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, torch.Tensor) else value


def _table(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: Mapping[str, Rule] = {
    **_table("round floor ceil trunc fix", _as(smooth_of)),
    **_table("floor_divide floordiv rfloordiv div divide", _as_quotient),
    **_table("sign sgn", _as(lambda value: soft_sign(_float(value)))),
    **_table("gt greater ge greater_equal", _comparison(step)),
    **_table("lt less le less_equal", _comparison(lambda difference: step(-difference))),
    **_table("eq", _comparison(bump)),
    **_table("ne not_equal", _comparison(lambda difference: 1 - bump(difference))),
    **_table("float double half bfloat16 to type type_as", _cast),
    **_table("long int short char byte bool", _cast),
    **_table("and logical_and bitwise_and", _logical(lambda a, b: a * b)),
    **_table("or logical_or bitwise_or", _logical(lambda a, b: a + b - a * b)),
    **_table("xor logical_xor bitwise_xor", _logical(lambda a, b: a + b - 2 * a * b)),
    **_table("invert logical_not bitwise_not", _logical(lambda a: 1 - a)),
    "any": _reduced("amax"),
    "all": _reduced("amin"),
    "heaviside": _as(lambda value: step(_float(value))),
    "where": _where,
    "masked_fill": _masked_fill,
    **_table("detach data", _attached),
    **_table("numpy tolist item", _without_gradient),
    "bucketize": _bucket,
}
