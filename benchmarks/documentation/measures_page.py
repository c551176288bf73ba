"""docs/reference/measures.md: every measure with its settings, from the table of measures."""

from __future__ import annotations

import inspect
import itertools
import types
import typing
from collections import Counter
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
_SHARED = """## Settings of several measures
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
    shared = _shared()
    parts = [_HEAD, overview, _SHARED, *map(_headed, shared)]
    for name, measure in MEASURES.items():
        parts += _measure(name, measure, shared)
    return "\n".join(parts)


def _shared() -> list[type[Settings]]:
    """The classes of settings that several measures take, and that say something, in their order."""
    uses = Counter(kind for measure in MEASURES.values() for kind in _kinds(measure.settings))
    return [kind for kind, count in uses.items() if count > 1]


def _measure(name: str, measure: Measure, shared: list[type[Settings]]) -> Iterator[str]:
    yield f"## `{name}`\n"
    yield f"{inspect.getdoc(measure.run)}\n"
    yield (f"Family {_family(measure.family.name)}. Threshold: {_threshold(measure)}.\n")
    fields = measure.settings.model_fields
    yield table(("setting", "value", "default"), (_setting(key, fields[key]) for key in fields))
    kinds = _kinds(measure.settings)
    yield from (_text(kind) for kind in kinds if kind not in shared)
    if others := [f"`{field}`" for kind in kinds if kind in shared for field in _own(kind)]:
        yield f"See [above](#settings-of-several-measures): {', '.join(others)}.\n"


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
    shown = "optional" if default is None else f"`{toml(default)}`"
    return f"`{name}`", _kind(field.annotation), shown


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


def _kinds(settings: type[Settings]) -> list[type[Settings]]:
    """The classes of these settings, from special to general, whose docstring speaks of a setting."""
    bases = itertools.takewhile(lambda kind: kind is not Settings, settings.__mro__)
    return [kind for kind in bases if "`" in (vars(kind).get("__doc__") or "")]


def _own(kind: type[Settings]) -> list[str]:
    """The settings that a class adds."""
    return [name for name in vars(kind).get("__annotations__", {}) if name in kind.model_fields]


def _text(kind: type[Settings]) -> str:
    return f"{inspect.cleandoc(kind.__doc__ or '')}\n"


def _headed(kind: type[Settings]) -> str:
    """The docstring below the names of its settings."""
    return f"### {', '.join(f'`{name}`' for name in _own(kind))}\n\n{_text(kind)}"
