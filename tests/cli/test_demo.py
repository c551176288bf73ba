"""`securemnist demo`: a comparison page, opened in a browser if there is a display."""

from __future__ import annotations

from pathlib import Path

import pytest

from securemnist.cli import demo
from tests.commands import run, shell


@pytest.mark.timeout(600)
def test_demo_writes_a_page(tmp_path: Path) -> None:
    """The demo compares two bundled models and prints the address of the page."""
    done = shell(tmp_path, "demo", "--no-browser")
    assert done.returncode == 0, done.stderr
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
