"""The option --images of a command, with its former name --digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from securemnist.errors import UsageError

_FORMER = "securemnist.digits"


def images_option(**attributes: Any) -> Callable[[Any], Any]:
    """A decorator that adds --images, and --digits with the same meaning but without help."""

    def add(command: Any) -> Any:
        former = click.option(
            "--digits",
            type=attributes.get("type"),
            hidden=True,
            is_eager=True,  # before --images, which reads it
            expose_value=False,
            callback=_keep,
        )
        return click.option("--images", callback=_chosen, **attributes)(former(command))

    return add


def _keep(ctx: click.Context, _: click.Parameter, value: Any) -> None:
    ctx.meta[_FORMER] = value


def _chosen(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """The value of --images, or that of --digits; UsageError where both are given."""
    former = ctx.meta.get(_FORMER)
    if former is None:
        return value
    if ctx.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE:
        raise UsageError(
            "expected --images once, got --digits, its former name, too; leave out --digits"
        )
    return former
