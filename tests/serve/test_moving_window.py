"""The moving window of rate limits."""

from __future__ import annotations

from securemnist.serve.controls.rate_limits import MovingWindow


def test_moving_window() -> None:
    """No window of ten seconds holds more than two requests, wherever it begins."""
    now = 0.0
    window = MovingWindow(2, 10, lambda: now)
    accepted = []
    for now in (0.0, 9.0, 9.5, 10.5, 18.0, 19.5):
        if not window.wait("key"):
            accepted.append(now)
    assert accepted == [0.0, 9.0, 10.5, 19.5]


def test_moving_windows_are_bounded() -> None:
    """A hundred thousand addresses do not fill the memory."""
    window = MovingWindow(2, 10)
    for number in range(100_000):
        window.wait(str(number))
    assert len(window._times) == 10_000
