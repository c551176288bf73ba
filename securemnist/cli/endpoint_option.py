"""The option --endpoint, and what is printed about an endpoint before anything is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from securemnist.cli.output import say
from securemnist.errors import UsageError

if TYPE_CHECKING:
    from securemnist.evaluation.context import Context
    from securemnist.results.findings import Requirement

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


def print_endpoint(context: Context, rows: Iterable[Requirement] = ()) -> None:
    """Print on stderr what the probe found, and how many queries these rows need at most.

    Nothing for a model whose weights are here.
    """
    from securemnist.measures.announcement import announcement, queries_of

    for line in announcement(context, queries_of(context, rows)):
        say(line, err=True)
