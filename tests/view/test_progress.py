"""Progress: a bar with the time left on a terminal, plain lines in a pipe, nothing for what is quick."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from securemnist.cli.pytest_hooks import Watcher
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.models import loading
from securemnist.plugin.state import STATE
from securemnist.results.findings import Requirement
from securemnist.view import progress as display
from securemnist.view.eta import Outlook, rounded


class Clock:
    """A clock that is set by hand."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        patch.setattr("securemnist.view.progress.time.monotonic", lambda: self.now)


class Screen(io.StringIO):
    """What is written to stderr, with or without a person before it."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time stands still but for the test."""
    return Clock(monkeypatch)


def watched(patch: pytest.MonkeyPatch, *, terminal: bool) -> Screen:
    """Standard error as a terminal of 80 columns, or as a pipe."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        patch.delenv(name, raising=False)
    patch.setenv("TERM", "xterm")
    patch.setenv("COLUMNS", "80")
    screen = Screen(terminal=terminal)
    patch.setattr(sys, "stderr", screen)
    return screen


def test_a_pipe_gets_a_plain_line_with_the_time_left(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every ten seconds one line without an escape sequence: what, how much, how long still."""
    screen = watched(monkeypatch, terminal=False)
    with display.progress_bar() as tell:
        for second in range(31):
            clock.now = 100.0 + second
            tell("PGD-40 [bold]", 10 * second, 1_000)
    lines = screen.getvalue().splitlines()
    assert lines == [
        "PGD-40 [bold]: 110 of 1,000, about 89 s left",
        "PGD-40 [bold]: 220 of 1,000, about 78 s left",
    ]


def test_what_is_quick_is_not_spoken_of(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work of less than two seconds shows nothing, on a terminal or in a pipe."""
    for terminal in (False, True):
        screen = watched(monkeypatch, terminal=terminal)
        with display.progress_bar() as tell:
            for done in range(4):
                clock.now += 0.4
                tell("FGSM", done, 3)
        assert "FGSM" not in screen.getvalue()


def test_a_terminal_gets_a_bar_with_the_time_left(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After two seconds of the same work its name and the time left are shown, and then wiped away."""
    screen = watched(monkeypatch, terminal=True)
    with display.progress_bar() as tell:
        for second in range(4):
            clock.now = 100.0 + second
            tell("PGD-40 [bold]", 10 * second, 1_000)
    shown = screen.getvalue()
    assert "PGD-40 [bold]" in shown
    assert "left in all" not in shown
    assert shown.endswith("\x1b[2K")


# A minute of trust and 20 s taken, to a minute of trust and 10 s expected.
PACE = 80 / 70


def an_outlook(clock: Clock) -> Outlook:
    """Three rows of 10, 20 and 30 seconds; the first took twice as long as expected."""
    outlook = Outlook()
    outlook.plan({"R-1": 10.0, "R-2": 20.0, "R-3": 30.0})
    outlook.begin("R-1")
    clock.now += 20
    outlook.end()
    outlook.begin("R-2")
    return outlook


def test_a_terminal_shows_what_all_rows_still_take(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the work at hand stands the row, its place among all, and the time left in all."""
    screen = watched(monkeypatch, terminal=True)
    outlook = an_outlook(clock)
    with display.progress_bar(outlook) as tell:
        for second in range(4):
            clock.now += 1
            tell("PGD-40", 10 * second, 1_000)
    shown = screen.getvalue()
    assert "R-2, row 2 of 3" in shown
    assert "left in all" in shown


def test_a_pipe_is_told_what_all_rows_still_take(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A piped line ends with the row and the time left in all, without an escape sequence."""
    screen = watched(monkeypatch, terminal=False)
    with display.progress_bar(outlook := an_outlook(clock)) as tell:
        for second in range(12):
            tell("PGD-40", 100 * second, 2_000)
            clock.now += 1
    assert outlook.left() == pytest.approx(PACE * 50 - 12)
    assert screen.getvalue() == (
        "PGD-40: 1,100 of 2,000, about 9 s left; R-2, row 2 of 3, about 46 s left in all\n"
    )


def test_the_pace_of_what_is_done_corrects_the_rest(clock: Clock) -> None:
    """Rows twice as slow as expected stretch what is to come; work at hand takes what it takes."""
    outlook = an_outlook(clock)
    assert outlook.left() == pytest.approx(PACE * (20 + 30))
    outlook.piece = 40.0
    assert outlook.left() == pytest.approx(PACE * 30 + 40)
    outlook.piece = 0.0
    clock.now += 100
    assert outlook.left() == pytest.approx(PACE * 30)
    assert outlook.share == pytest.approx(120 / (120 + PACE * 30))
    outlook.end()
    assert (outlook.title, outlook.row) == ("", "")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "about 0 s"), (89.4, "about 89 s"), (150.0, "about 2 min")]
)
def test_an_estimate_is_rounded(seconds: float, words: str) -> None:
    """Nobody is told seconds of what takes minutes."""
    assert rounded(seconds) == words


def planned(rows: list[Requirement]) -> Watcher:
    """A watcher of a run that has collected these rows."""
    items = [
        SimpleNamespace(
            callspec=SimpleNamespace(params={"requirement": row}),
            get_closest_marker=lambda name: name == "measure" or None,
        )
        for row in rows
    ]
    watcher = Watcher(None)
    nothing_asked = SimpleNamespace(stash={STATE: SimpleNamespace(run=None)})
    watcher.pytest_collection_finish(SimpleNamespace(items=items, config=nothing_asked))
    return watcher


def ladder_row(eps: float = 0.3, measure: str = "robust_accuracy") -> Requirement:
    """A row of the standard ladder on all digits."""
    settings = {"threat": {"norm": "linf", "eps": eps}}
    return Requirement(
        id=f"{measure}-{eps}", measure=measure, because="", at_least=0.5, settings=settings
    )


def with_lab(watcher: Watcher, context: Context) -> Outlook:
    """The outlook once the fixture has made the lab."""
    setup = watcher.pytest_fixture_setup(SimpleNamespace(argname="security_lab"))
    next(setup)
    with pytest.raises(StopIteration):
        setup.send(context)
    return watcher.outlook


def test_a_long_run_is_planned_by_the_pace_of_its_model(context: Context, mnist: DataSet) -> None:
    """A ladder on a network that falls, or is proved, is a small part of one on a network that stands."""
    row = ladder_row()
    usual = planned([row]).outlook.left()
    fallen = with_lab(planned([row]), context).left()
    proved = with_lab(planned([row]), Context(loading.resolve("certified"), mnist)).left()
    standing = with_lab(planned([row]), Context(loading.resolve("hardened"), mnist)).left()
    assert usual > 60
    assert max(fallen, proved) < standing / 5


def test_a_short_run_is_not_probed() -> None:
    """Rows of a few seconds are not worth a probe: the lab is not looked at."""
    row = Requirement(id="C", measure="clean_accuracy", because="", at_least=0.5)
    watcher = planned([row])
    before = watcher.outlook.left()
    setup = watcher.pytest_fixture_setup(SimpleNamespace(argname="security_lab"))
    next(setup)
    with pytest.raises(StopIteration):
        setup.send(None)
    assert watcher.outlook.left() == before > 0


def test_a_measure_of_their_own_has_an_estimate() -> None:
    """A row whose measure is not ours is taken for a quick one."""
    row = Requirement(id="R", measure="their_own_measure", because="", at_least=0.5)
    assert planned([row]).outlook.expected["R"] > 0
