"""`securemnist demo`: a page in half a minute, opened where a screen exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from securemnist.cli import demo
from tests.commands import run, shell


@pytest.mark.timeout(600)
def test_the_demo_writes_a_page(tmp_path: Path) -> None:
    """In a folder of its own the demo compares two bundled models and says where the page is."""
    done = shell(tmp_path, "demo", "--no-browser")
    assert done.returncode == 0, done.stderr
    page = tmp_path / "reports" / "demo" / "compare.html"
    assert page.as_uri() in done.stdout
    assert "better" in done.stdout
    text = page.read_text()
    for name in ("baseline", "certified"):
        assert name in text


def test_a_demo_that_writes_no_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report folder that cannot be written ends the demo with exit code 2, and opens nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo.webbrowser, "open", lambda _: pytest.fail("opened"))
    (tmp_path / "taken").write_text("a file")
    done = run("demo", "--out", "taken")
    assert done.exit_code == 2
    assert "The page:" not in done.output


def test_a_browser_needs_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser is opened under X11 and Wayland, and nowhere else."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not demo.has_screen()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert demo.has_screen()
