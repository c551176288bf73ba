"""`securemnist demo`: a page that compares an undefended with a certified model."""

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
@click.option("--no-browser", is_flag=True, help="Print the address of the page only.")
@click.pass_context
def demo(ctx: click.Context, out: Path, no_browser: bool) -> None:
    """Compare two bundled models at the smoke tier, without latency, and open the page in a browser.

    `baseline` is undefended; `certified` was trained on interval bounds. Both are assessed against the
    bundled policy on MNIST. Takes about half a minute on two cores. Exit codes: 0 the page was written,
    whatever its verdicts; 2 or 3 it was not.
    """
    from securemnist.cli.compare import compare
    from securemnist.errors import FAILED

    options = {"policy": Path("bundled"), "tier": "smoke", "out": out, "no_latency": True}
    code = 0
    try:
        ctx.invoke(compare, old=_OLD, new=_NEW, **options)
    except click.exceptions.Exit as end:
        code = end.exit_code
    if code not in (0, FAILED):
        ctx.exit(code)
    page = (out / "compare.html").resolve()
    say(
        f"{_NEW} withstands attacks that break {_OLD}, but misclassifies a few more unmodified samples; "
        f"the comparison reports both. The page: {page.as_uri()}"
    )
    if not no_browser and has_screen():
        webbrowser.open(page.as_uri())


def has_screen() -> bool:
    """Whether X11 or Wayland has a display for a browser."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
