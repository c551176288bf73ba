"""Values of a policy whose settings are the fields of a dataclass: attacks and defences."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from securemnist.errors import PolicyError, first_line
from securemnist.project import imports

T = TypeVar("T")


def own_class(name: str, base: type[T]) -> type[T]:
    """The user's class `pkg.module:Class`; PolicyError unless it is a subclass of `base`.

    UsageError for a module that cannot be imported.
    """
    found = imports.attribute(name, "fix `use`")
    if not (isinstance(found, type) and issubclass(found, base)):
        raise PolicyError(
            f"expected {name} to be a subclass of {base.__module__}.{base.__name__}, got "
            f"{type(found).__name__}; fix `use`"
        )
    return found


def with_settings(kind: type[T], name: object, options: Mapping[str, Any], noun: str) -> T:
    """An instance of `kind`; PolicyError for a missing method, an unknown setting or a wrong value.

    `name` is that of the policy, `noun` what it is, "attack" or "defence".
    """
    if missing := ", ".join(sorted(getattr(kind, "__abstractmethods__", ()))):
        raise PolicyError(
            f"expected {name} to have the method {missing}, got a class without it; write that method"
        )
    fields = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(options) - fields):
        raise PolicyError(
            f"expected settings of {name} ({', '.join(sorted(fields)) or 'none'}), got {unknown[0]!r}; "
            f"fix the {noun}'s settings"
        )
    try:
        return kind(**options)
    except PolicyError:
        raise
    except (Exception, SystemExit) as error:
        raise PolicyError(
            f"expected settings that {name} takes, got {options}; fix the settings "
            f"({type(error).__name__}: {first_line(error):.200})"
        ) from error
