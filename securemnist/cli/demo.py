"""`securemnist demo`: an undefended model beside a certified one, as a page to look at."""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path

import click

from securemnist.cli.output import say

_OLD, _NEW = "baseline", "certified"


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("reports/demo"), show_default=True
)
@click.option("--no-browser", is_flag=True, help="Only print where the page is.")
@click.pass_context
def demo(ctx: click.Context, out: Path, no_browser: bool) -> None:
    """Compare two bundled models at the smoke tier, and open the page where a screen exists.

    `baseline` is undefended, `certified` is trained on bounds. Both are held against the bundled
    policy on the bundled MNIST. Takes about half a minute on two cores. Exit codes: 0 the page was
    written, whatever it says of the models; 2 or 3 where it could not be.
    """
    from securemnist.cli.compare import compare
    from securemnist.errors import FAILED

    options = {"policy": Path("bundled"), "tier": "smoke", "out": out}
    code = 0
    try:
        ctx.invoke(compare, old=_OLD, new=_NEW, **options)
    except click.exceptions.Exit as end:
        code = end.exit_code
    if code not in (0, FAILED):
        ctx.exit(code)
    page = (out / "compare.html").resolve()
    say(
        f"{_NEW} withstands attacks that break {_OLD}, and classifies a few unmodified samples less; "
        f"a gate that asks for both says so. The page: {page.as_uri()}"
    )
    if not no_browser and has_screen():
        webbrowser.open(page.as_uri())


def has_screen() -> bool:
    """Whether a browser could show anything: a display of X11 or Wayland."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
