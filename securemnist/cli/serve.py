"""`securemnist serve`: a model behind HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say

if TYPE_CHECKING:
    from securemnist.serve.hosting import Hosted
    from securemnist.serve.settings import Settings

_SHOWN_BESIDE = ("hardened", "baseline")  # for comparison on the page
_DEFAULT_TOKENS = Path("serve-tokens.json")


@click.group(invoke_without_command=True)
@click.option(
    "--model",
    metavar="SPEC",
    help="NAME, pkg.module:factory, FILE.safetensors, ARCH@FILE, FILE.onnx, FILE.keras.",
)
@click.option("--beside", metavar="SPEC", multiple=True, help="Another model, served beside it.")
@click.option("--data", type=PATH, help="Data instead of the bundled MNIST.")
@click.option("--host", help="Address to listen on; default: loopback.")
@click.option("--port", type=click.IntRange(0, 65535), help="Default 8080; 0 takes a free one.")
@click.option(
    "--settings", "file", type=PATH, help="TOML file with a table [serve]; see docs/service.md."
)
@click.option("--tokens", type=PATH, help="File of tokens instead of a random one.")
@click.pass_context
def serve(
    ctx: click.Context,
    model: str | None,
    beside: tuple[str, ...],
    data: Path | None,
    host: str | None,
    port: int | None,
    file: Path | None,
    tokens: Path | None,
) -> None:
    """Serve a model by the Open Inference Protocol, on loopback.

    It runs until it is interrupted. Without options it serves `certified`, beside it `hardened` and
    `baseline`, and prints a link with a random token. Exit codes: 0 it was stopped, 2 it could not
    start.
    """
    if ctx.invoked_subcommand is not None:
        return
    _require_packages()
    from securemnist.data import load as load_data
    from securemnist.project import settings as projects
    from securemnist.serve.hosting import hosted, warnings_of
    from securemnist.serve.observing import observed
    from securemnist.serve.settings import load, with_options

    project = projects.load(Path.cwd())
    settings = with_options(
        load(file), host=host, port=port, tokens=str(tokens) if tokens else None
    )
    folder = data or (Path(project.data) if project.data else None)
    spec = model or project.model or projects.DEFAULT_MODEL
    if not (model or project.model or beside or folder):
        beside = _SHOWN_BESIDE
    images = load_data(folder)
    ready = hosted((spec, *beside), images, settings)
    for warning in warnings_of(settings):
        say(f"warning: {warning}", err=True)
    with observed(ready.service, settings, images) as sentences:
        _run(ready, settings, sentences)
    say("stopped; all accepted requests were answered")


def _require_packages() -> None:
    from importlib.util import find_spec

    from securemnist.errors import UsageError

    missing = [
        name for name in ("granian", "starlette", "prometheus_client") if find_spec(name) is None
    ]
    if missing:
        raise UsageError(
            f"expected the packages of the service, got no {missing[0]}; install securemnist[serve]"
        )


def _run(ready: Hosted, settings: Settings, sentences: list[str]) -> None:
    import asyncio
    import signal

    from securemnist.serve.application import create_application
    from securemnist.serve.server import Server

    application = create_application(ready.service, settings, ready.tokens)
    server = Server(application, settings)

    def started() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        names = ", ".join(model.name for model in ready.service.models)
        link = f"{server.address}/#token={ready.secret}" if ready.secret else server.address
        say(f"{names}: {link}")
        for sentence in sentences:
            say(sentence)
        say("Ctrl-C stops it")

    asyncio.run(server.serve(started))
    ready.service.close(settings.stop_seconds)


@serve.group()
def token() -> None:
    """Tokens that a service accepts; the file holds salted hashes only."""


@token.command()
@click.argument("name")
@click.option("--tokens", type=PATH, default=_DEFAULT_TOKENS, show_default=True)
def add(name: str, tokens: Path) -> None:
    """Add a token for NAME and print it, once."""
    from securemnist.errors import UsageError
    from securemnist.serve.tokens import Token, load, save

    known = load(tokens) if tokens.exists() else {}
    if name in known:
        raise UsageError(
            f"{tokens}: expected a new name, got {name!r:.60}; remove that token first"
        )
    added, secret = Token.new(name)
    save(tokens, [*known.values(), added])
    say(secret)


@token.command()
@click.argument("name")
@click.option("--tokens", type=PATH, default=_DEFAULT_TOKENS, show_default=True)
def remove(name: str, tokens: Path) -> None:
    """Remove the token of NAME.

    A service that runs accepts it until its next start.
    """
    from securemnist.errors import UsageError
    from securemnist.serve.tokens import load, save

    known = load(tokens)
    if name not in known:
        raise UsageError(f"{tokens}: expected the name of a token, got {name!r:.60}; fix it")
    save(tokens, [one for one in known.values() if one.id != name])
