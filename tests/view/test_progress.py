"""Progress output: bars with the remaining time on a terminal, plain lines in a pipe."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from securemnist.cli.pytest_hooks import RunHooks
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.models import loading
from securemnist.plugin.state import STATE
from securemnist.results.findings import Requirement
from securemnist.view import progress as display
from securemnist.view.eta import Schedule


class Clock:
    """A clock that is set by hand."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        patch.setattr("securemnist.view.progress.time.monotonic", lambda: self.now)


class Screen(io.StringIO):
    """Captured stderr that says whether it is a terminal."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that only the test advances."""
    return Clock(monkeypatch)


def captured(patch: pytest.MonkeyPatch, *, terminal: bool) -> Screen:
    """Standard error as a terminal of 80 columns, or as a pipe."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        patch.delenv(name, raising=False)
    patch.setenv("TERM", "xterm")
    patch.setenv("COLUMNS", "80")
    screen = Screen(terminal=terminal)
    patch.setattr(sys, "stderr", screen)
    return screen


def test_piped_progress_is_a_plain_line_with_remaining_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every ten seconds one line without an escape sequence: label, count, remaining time."""
    screen = captured(monkeypatch, terminal=False)
    with display.progress_bar() as progress:
        for second in range(31):
            clock.now = 100.0 + second
            progress("PGD-40 [bold]", 10 * second, 1_000)
    lines = screen.getvalue().splitlines()
    assert lines == [
        "PGD-40 [bold]: 110 of 1,000, about 89 s left",
        "PGD-40 [bold]: 220 of 1,000, about 78 s left",
    ]


def test_short_work_prints_no_progress(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work of less than two seconds prints nothing, on a terminal or in a pipe."""
    for terminal in (False, True):
        screen = captured(monkeypatch, terminal=terminal)
        with display.progress_bar() as progress:
            for done in range(4):
                clock.now += 0.4
                progress("FGSM", done, 3)
        assert "FGSM" not in screen.getvalue()


def test_terminal_bar_shows_remaining_time(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """After two seconds a bar shows label and remaining time; it is erased at the end."""
    screen = captured(monkeypatch, terminal=True)
    with display.progress_bar() as progress:
        for second in range(4):
            clock.now = 100.0 + second
            progress("PGD-40 [bold]", 10 * second, 1_000)
    output = screen.getvalue()
    assert "PGD-40 [bold]" in output
    assert "left in all" not in output
    assert output.endswith("\x1b[2K")


# 60 s of prior and 20 s measured, over 60 s of prior and 10 s estimated.
PACE = 80 / 70


def running_schedule(clock: Clock) -> Schedule:
    """Rows of 10, 20 and 30 estimated seconds; the first took 20, the second is running."""
    schedule = Schedule()
    schedule.expected = {"R-1": 10.0, "R-2": 20.0, "R-3": 30.0}
    schedule.begin("R-1")
    clock.now += 20
    schedule.end()
    schedule.begin("R-2")
    return schedule


def test_schedule_calls_its_rows_by_their_noun() -> None:
    """A run of steps speaks of steps."""
    schedule = Schedule("step")
    schedule.expected = {"train": 10.0, "measure": 5.0}
    schedule.begin("train")
    assert schedule.title == "train, step 1 of 2"


def test_terminal_bar_shows_row_and_total_remaining_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the current work a bar shows the row, its position and the total remaining time."""
    screen = captured(monkeypatch, terminal=True)
    schedule = running_schedule(clock)
    with display.progress_bar(schedule) as progress:
        for second in range(4):
            clock.now += 1
            progress("PGD-40", 10 * second, 1_000)
    output = screen.getvalue()
    assert "R-2, row 2 of 3" in output
    assert "left in all" in output


def test_piped_progress_shows_row_and_total_remaining_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A piped line ends with the row and the total remaining time, without an escape sequence."""
    screen = captured(monkeypatch, terminal=False)
    with display.progress_bar(schedule := running_schedule(clock)) as progress:
        for second in range(12):
            progress("PGD-40", 100 * second, 2_000)
            clock.now += 1
    assert schedule.left() == pytest.approx(PACE * 50 - 12)
    assert screen.getvalue() == (
        "PGD-40: 1,100 of 2,000, about 9 s left; R-2, row 2 of 3, about 46 s left in all\n"
    )


def test_remaining_time_scales_with_measured_rows(clock: Clock) -> None:
    """Slow rows raise the estimate of later rows; the current attack's own estimate is a lower bound."""
    schedule = running_schedule(clock)
    assert schedule.left() == pytest.approx(PACE * (20 + 30))
    schedule.current_left = 40.0
    assert schedule.left() == pytest.approx(PACE * 30 + 40)
    schedule.current_left = 0.0
    clock.now += 100
    assert schedule.left() == pytest.approx(PACE * 30)
    assert schedule.fraction == pytest.approx(120 / (120 + PACE * 30))
    schedule.end()
    assert (schedule.title, schedule.row) == ("", "")


def hooks_with(rows: list[Requirement]) -> RunHooks:
    """The hooks of a run that collected these rows."""
    items = [
        SimpleNamespace(
            callspec=SimpleNamespace(params={"requirement": row}),
            get_closest_marker=lambda name: name == "measure" or None,
        )
        for row in rows
    ]
    hooks = RunHooks(None)
    config = SimpleNamespace(stash={STATE: SimpleNamespace(run=None)})
    hooks.pytest_collection_finish(SimpleNamespace(items=items, config=config))
    return hooks


def ladder_row(eps: float = 0.3, measure: str = "robust_accuracy") -> Requirement:
    """A row of the standard ladder on all images."""
    settings = {"threat": {"norm": "linf", "eps": eps}}
    return Requirement(
        id=f"{measure}-{eps}", measure=measure, because="", at_least=0.5, settings=settings
    )


def after_lab_fixture(hooks: RunHooks, context: Context | None) -> Schedule:
    """The schedule after the `security_lab` fixture returned this value."""
    setup = hooks.pytest_fixture_setup(SimpleNamespace(argname="security_lab"))
    next(setup)
    with pytest.raises(StopIteration):
        setup.send(context)
    return hooks.schedule


def test_long_run_is_estimated_from_the_model(context: Context, mnist: DataSet) -> None:
    """A ladder takes less time on a network that is broken or certified early than on a robust one."""
    row = ladder_row()
    certified, hardened = (Context(loading.resolve(n), mnist) for n in ("certified", "hardened"))
    quick = [after_lab_fixture(hooks_with([row]), model).left() for model in (context, certified)]
    assert hooks_with([row]).schedule.left() > 60
    assert max(quick) < after_lab_fixture(hooks_with([row]), hardened).left() / 5


def test_short_run_is_not_calibrated() -> None:
    """For rows of a few seconds the model's pace is not measured."""
    row = Requirement(id="C", measure="clean_accuracy", because="", at_least=0.5)
    hooks = hooks_with([row])
    before = hooks.schedule.left()
    assert after_lab_fixture(hooks, None).left() == before > 0


def test_measure_of_the_user_has_an_estimate() -> None:
    """A row whose measure is not bundled is estimated at a second."""
    row = Requirement(id="R", measure="their_own_measure", because="", at_least=0.5)
    assert hooks_with([row]).schedule.expected == {"R": 1.0}
