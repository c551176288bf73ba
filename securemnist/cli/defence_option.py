"""The option --defence of `assess` and `measure`: one defence in words, such as jpeg:quality=50."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from securemnist.errors import UsageError


def _one(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> str | None:
    """The defence; UsageError for several, of which one alone would be measured."""
    if len(given) > 1:
        raise UsageError(
            f"expected one --defence, got {len(given)} ({', '.join(given)[:80]}); leave out all but "
            "one, or write a class that holds both (docs/extending.md)"
        )
    return given[0] if given else None


defence_option: Callable[[Any], Any] = click.option(
    "--defence",
    multiple=True,
    callback=_one,
    metavar="NAME[:KEY=VALUE,...]",
    help="A defence put before the model: jpeg:quality=50.",
)
