"""The `model` fixture of a run, and the check that there is only one model."""

from __future__ import annotations

from typing import Any

import pytest

from securemnist.errors import UsageError
from securemnist.plugin.messages import row_of

_OURS = "securemnist.plugin.fixtures"


def model_fixture(items: list[pytest.Item]) -> Any | None:
    """The user's `model` fixture that the rows use; None if they use the plugin's."""
    for item in items:
        if row_of(item) is not None and (fixtures := definitions(item).get("model")):
            return None if fixtures[-1].func.__module__ == _OURS else fixtures[-1]
    return None


def check_fixtures(items: list[pytest.Item]) -> None:
    """UsageError for the test of a row with an unknown fixture."""
    for item in items:
        if row_of(item) is None:
            continue
        params = getattr(getattr(item, "callspec", None), "params", {})
        needed = getattr(getattr(item, "_fixtureinfo", None), "names_closure", ())
        missing = set(needed) - {"request", *definitions(item), *params}
        if missing:
            raise UsageError(
                f"{item.nodeid}: expected known fixtures, got {', '.join(sorted(missing))}; a "
                "suite can use requirement, security_judge, security_record, security_lab and "
                "security_forward"
            )


def check_model_fixture(items: list[pytest.Item]) -> None:
    """UsageError for a `model` fixture of a narrower scope, or with several parameters."""
    definition = model_fixture(items)
    if definition is None:
        return
    if definition.scope != "session":
        raise UsageError(
            f"expected a `model` fixture of session scope, got scope {definition.scope!r} in "
            f'{definition.func.__module__}; write @pytest.fixture(scope="session")'
        )
    first_items: dict[str, pytest.Item] = {}
    for item in items:
        row = row_of(item)
        first = first_items.setdefault(row.id, item) if row is not None else item
        if row is not None and _model_parameters(first) != _model_parameters(item):
            raise UsageError(
                "expected one model in one assessment, got a `model` fixture with several parameters "
                f"(row {row.id}: {first.name} and {item.name}); return one model, and run once per model"
            )


def definitions(item: pytest.Item) -> dict[str, Any]:
    """The fixtures that a test uses, by name."""
    fixtures: dict[str, Any] = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    return fixtures


def _model_parameters(item: pytest.Item) -> dict[str, int]:
    """Parameter index of `model` and of each fixture it depends on."""
    indices: dict[str, int] = getattr(getattr(item, "callspec", None), "indices", {})
    names = ["model"]
    for name in names:  # grows
        for definition in definitions(item).get(name, ()):
            names += set(definition.argnames) - set(names)
    return {name: indices[name] for name in names if name in indices}
