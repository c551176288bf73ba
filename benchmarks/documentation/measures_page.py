"""docs/reference/measures.md: every measure with its settings, from the table of measures."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from benchmarks.documentation.markdown import MADE_BY, table, toml
from securemnist.measures import MEASURES
from securemnist.measures.base import Measure, Settings

_HEAD = f"""# Measures

{MADE_BY}

A row of a [policy](policy.md) names a measure and its settings. `securemnist explain NAME` prints the
same, and `securemnist measure NAME` takes one measurement without a policy. A measure of your own is
a `Measure` in your project ([Extending](../extending.md)).
"""
_PAGES = {
    "clean": "clean.md",
    "natural": "natural.md",
    "adversarial": "evasion.md",
    "certified": "concepts/certificate.md",
    "defence": "defences.md",
    "backdoor": "backdoor.md",
    "privacy": "privacy.md",
    "latency": "latency.md",
    "static": "static.md",
    "service": "service.md",
    "supply_chain": "supply-chain.md",
    "threat_model": "threat-model.md",
}


def render() -> str:
    """The page as Markdown."""
    overview = table(
        ("measure", "family", "threshold"),
        (
            (f"[`{name}`](#{name})", one.family.name, _threshold(one))
            for name, one in MEASURES.items()
        ),
    )
    parts = [_HEAD, overview]
    for name, measure in MEASURES.items():
        parts += _measure(name, measure)
    return "\n".join(parts)


def _measure(name: str, measure: Measure) -> Iterator[str]:
    yield f"## `{name}`\n"
    yield f"{inspect.getdoc(measure.run)}\n"
    yield (f"Family {_family(measure.family.name)}. Threshold: {_threshold(measure)}.\n")
    fields = measure.settings.model_fields
    yield table(("setting", "value", "default"), (_setting(key, fields[key]) for key in fields))
    yield "\n".join(_explanations(measure.settings))


def _family(name: str) -> str:
    return f"[{name}](../{_PAGES[name]})" if name in _PAGES else name


def _threshold(measure: Measure) -> str:
    low, high = measure.limits
    if measure.good == "at_least":
        return f"`at_least`, above {low:g} to {high:g}"
    return f"`at_most`, {low:g} to below {high:g}"


def _setting(name: str, field: FieldInfo) -> tuple[str, str, str]:
    if field.is_required():
        return f"`{name}`", _kind(field.annotation), "required"
    default = field.get_default(call_default_factory=True)
    return f"`{name}`", _kind(field.annotation), f"`{toml(default)}`"


def _kind(annotation: Any) -> str:
    """The values of a setting in words."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_kind(one) for one in arguments if one is not type(None))
    if origin is typing.Annotated:
        return _kind(arguments[0])
    if origin is typing.Literal:
        return " or ".join(f"`{one}`" for one in arguments)
    if origin is list:
        return f"list of {_kind(arguments[0])}"
    words = {int: "whole number", float: "number", bool: "`true` or `false`", str: "string"}
    return words.get(annotation, "table")


def _explanations(settings: type[Settings]) -> Iterator[str]:
    """The docstrings of the settings and of their bases, where they speak of a setting."""
    for kind in settings.__mro__:
        if kind is Settings:
            return
        detail = kind.__doc__ if "__doc__" in vars(kind) else None
        if detail and "`" in detail:
            yield f"{inspect.cleandoc(detail)}\n"
