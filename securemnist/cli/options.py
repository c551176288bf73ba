"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from securemnist._util.parsing import toml_table
from securemnist.errors import ParseError, UsageError
from securemnist.input_spec import InputSpec

PATH = click.Path(path_type=Path)
model_option: Callable[[Any], Any] = click.option(
    "--model",
    metavar="SPEC",
    help="NAME, pkg.module:factory, FILE.safetensors, ARCH@FILE, FILE.onnx, FILE.keras, https://...",
)
endpoint_option: Callable[[Any], Any] = click.option(
    "--endpoint", metavar="FILE", help="A served model instead: its description, FILE.toml."
)


def model_or_endpoint(model: str | None, endpoint: str | None) -> str | None:
    """The SPEC of --model or --endpoint; UsageError for both, and for a file without its suffix."""
    if endpoint is None:
        return model
    if model is not None:
        raise UsageError(f"expected --model or --endpoint, got both ({model!r:.80}); leave one out")
    if not endpoint.endswith(".toml"):
        raise UsageError(f"expected --endpoint FILE.toml, got {endpoint!r:.80}; rename the file")
    return endpoint


_MOST_DIGITS = 4  # of a class: MOST_CLASSES has as many


def target_of(text: str, spec: InputSpec) -> int | str:
    """The class of --target by its number or name, or "next"; UsageError for anything else."""
    if text == "next":
        return text
    number = int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else spec.classes
    if number < spec.classes:
        return number
    if (label := spec.named(text)) is not None:
        return label
    named = ", a class name" if spec.class_names else ""
    raise UsageError(
        f"expected --target as a class below {spec.classes}{named} or next, got {text!r:.60}; change it"
    )


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


# The former name of --images.
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


def inline_table(option: str, text: str) -> dict[str, Any]:
    """The settings of an inline TOML table; UsageError for other text."""
    try:
        table = toml_table(f"settings = {text}")
    except ParseError as error:
        raise UsageError(f"expected {option} as a TOML table, got {error}; fix it") from error
    settings = table["settings"]
    if len(table) != 1 or not isinstance(settings, dict):
        raise UsageError(f"expected {option} as one TOML table {{...}}, got {text!r}; fix it")
    return settings
