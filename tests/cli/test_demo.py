"""`securemnist demo`: a comparison page, opened in a browser if there is a display."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from securemnist.cli import demo
from securemnist.cli.compare import compare
from tests.commands import run
from tests.data import small
from tests.policies import FGSM, table

POLICY = table(
    {**FGSM, "attack": '{ use = "PGD", steps = 5 }', "threat": '{ norm = "linf", eps = 0.3 }'},
    tier='"smoke"',
    images="60",
)


INVOKE = click.Context.invoke


def with_short_policy(ctx: click.Context, command: Any, *words: Any, **options: Any) -> Any:
    """What the demo calls, with a short policy: gate and golden values measure the bundled one."""
    if command is compare:
        assert (options["policy"], options["tier"]) == (Path("bundled"), "smoke")
        options["policy"] = Path("short.toml")
    return INVOKE(ctx, command, *words, **options)


def test_demo_writes_a_page(
    tmp_path: Path, small_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo compares two bundled models and prints the address of the page."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(small.settings(small_mnist))
    (tmp_path / "short.toml").write_text(POLICY)
    monkeypatch.setattr(click.Context, "invoke", with_short_policy)
    done = run("demo", "--no-browser")
    assert done.exit_code == 0, done.output
    page = tmp_path / "reports" / "demo" / "compare.html"
    assert page.as_uri() in done.stdout
    assert "better" in done.stdout
    text = page.read_text()
    for name in ("baseline", "certified"):
        assert name in text


def test_demo_with_unwritable_folder_exits_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unwritable report folder ends the demo with exit code 2, and opens no browser."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo.webbrowser, "open", lambda _: pytest.fail("opened"))
    (tmp_path / "taken").write_text("a file")
    done = run("demo", "--out", "taken")
    assert done.exit_code == 2
    assert "The page:" not in done.output


def test_browser_opens_only_with_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser is opened under X11 and Wayland, and nowhere else."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not demo.has_screen()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert demo.has_screen()
