"""Which model the rows of a run are about, as far as fixtures say so; one run has one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from securemnist.errors import UsageError
from securemnist.plugin.messages import row_of

_OURS = "securemnist.plugin.fixtures"


def model_fixture(items: list[pytest.Item]) -> Any | None:
    """The user's `model` fixture that the rows are measured with; None where it is ours."""
    for item in items:
        if row_of(item) is not None and (found := _definitions(item).get("model")):
            return None if found[-1].func.__module__ == _OURS else found[-1]
    return None


def check_fixtures(items: list[pytest.Item]) -> None:
    """UsageError for the test of a row that asks for a fixture that is not there."""
    for item in items:
        if row_of(item) is None:
            continue
        params = getattr(getattr(item, "callspec", None), "params", {})
        needed = getattr(getattr(item, "_fixtureinfo", None), "names_closure", ())
        missing = set(needed) - {"request", *_definitions(item), *params}
        if missing:
            raise UsageError(
                f"{item.nodeid}: expected fixtures that exist, got {', '.join(sorted(missing))}; those "
                "of a suite are requirement, security_judge, security_record, security_lab and "
                "security_forward"
            )


def check_model_fixture(items: list[pytest.Item]) -> None:
    """UsageError for a `model` fixture of a narrower scope, or with several parameters."""
    definition = model_fixture(items)
    if definition is None:
        return
    if definition.scope != "session":
        raise UsageError(
            f"expected a session-wide `model` fixture, got one of scope {definition.scope!r} in "
            f'{definition.func.__module__}; write @pytest.fixture(scope="session")'
        )
    seen: dict[str, pytest.Item] = {}
    for item in items:
        row = row_of(item)
        first = seen.setdefault(row.id, item) if row is not None else item
        if row is not None and _model_parameters(first) != _model_parameters(item):
            raise UsageError(
                "expected one model in one assessment, got a `model` fixture with several parameters "
                f"(row {row.id}: {first.name} and {item.name}); return one model, run it once for each"
            )


def _definitions(item: pytest.Item) -> dict[str, Any]:
    """The fixtures that a test uses, by name."""
    known: dict[str, Any] = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    return known


def _model_parameters(item: pytest.Item) -> dict[str, int]:
    """Which parameter each fixture has that `model` is made with, itself included."""
    call = getattr(item, "callspec", None)
    indices: dict[str, int] = getattr(call, "indices", {})
    return {name: indices[name] for name in _closure(item, "model") if name in indices}


def _closure(item: pytest.Item, name: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    yield name
    for definition in _definitions(item).get(name, ()):
        for other in definition.argnames:
            if other not in seen and other != name:
                yield from _closure(item, other, seen | {name})
