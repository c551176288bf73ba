"""`securemnist monitor`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from securemnist.monitoring import Monitor, MonitorSettings, Reference
from tests.commands import run
from tests.error_form import one_sentence
from tests.monitoring.streams import stream


def state(path: Path, count: int, brightness: float = 1.0) -> Path:
    """The state of a monitor after so many images."""
    known = Reference.of(*stream(1_000, seed=1))
    monitor = Monitor(known, MonitorSettings(window=100), path)
    images, logits = stream(count, seed=2)
    monitor.observe(images * brightness, logits)
    monitor.save()
    return path


def test_monitor_without_drift(tmp_path: Path) -> None:
    """Windows without an alarm have exit code 0, and every test of the last one is shown."""
    done = run("monitor", str(state(tmp_path / "s.json", 250)))
    assert done.exit_code == 0, done.output
    assert "250 images, 2 windows compared, 0 alarms; written 2" in done.output
    for statistic in ("margin", "entropy", "variation", "brightness"):
        assert done.output.count(f"{statistic} ") >= 3
    assert "classes" in done.output


def test_an_old_state_is_recognised(tmp_path: Path) -> None:
    """A service that ended, or that cannot write, leaves a state whose time is printed."""
    path = state(tmp_path / "s.json", 250)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert "0 alarms; written 2023-11-14T22:13:20+00:00" in run("monitor", str(path)).output


def test_monitor_with_drift(tmp_path: Path) -> None:
    """An alarm has exit code 1, and its sentence is printed."""
    done = run("monitor", str(state(tmp_path / "s.json", 200, 0.5)))
    assert done.exit_code == 1
    assert "ALARM" in done.output
    assert "window 1: brightness is distributed in another way than in the reference" in done.output


def test_nothing_compared_is_no_pass(tmp_path: Path) -> None:
    """Before the first window is complete the exit code is 3."""
    done = run("monitor", str(state(tmp_path / "s.json", 99)))
    assert done.exit_code == 3
    assert "no window was compared yet" in done.output


def _without_results(kept: dict[str, Any]) -> None:
    kept["last"] = []


def _without_count(kept: dict[str, Any]) -> None:
    kept["alarm_count"] = 0


def _without_alarms(kept: dict[str, Any]) -> None:
    kept["alarm_count"], kept["alarms"] = 0, []


@pytest.mark.parametrize("change", [_without_results, _without_count, _without_alarms])
def test_contradictory_state_is_refused(
    change: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    """Totals that do not fit the results and alarms are no state, and never exit code 0."""
    path = state(tmp_path / "s.json", 200, 0.5)
    kept = json.loads(path.read_text())
    change(kept)
    path.write_text(json.dumps(kept))
    done = run("monitor", str(path))
    assert done.exit_code == 2
    assert "expected totals that fit" in done.output


def test_folder_of_states(tmp_path: Path) -> None:
    """Of a folder every state is shown, and one model without a window leaves it undecided."""
    state(tmp_path / "drift-a.json", 250)
    assert run("monitor", str(tmp_path)).exit_code == 0
    state(tmp_path / "drift-b.json", 20)
    done = run("monitor", str(tmp_path))
    assert done.exit_code == 3
    assert "drift-a.json: 250 images" in done.output
    assert "drift-b.json: 20 images" in done.output
    (tmp_path / "empty").mkdir()
    done = run("monitor", str(tmp_path / "empty"))
    assert done.exit_code == 2
    one_sentence(Exception(done.output.strip()))


def test_folder_of_too_many_states(tmp_path: Path) -> None:
    """No state is left out of the exit code: a folder of more states than are shown is refused."""
    content = state(tmp_path / "drift-00.json", 250).read_bytes()
    for number in range(1, 50):
        (tmp_path / f"drift-{number:02d}.json").write_bytes(content)
    state(tmp_path / "drift-99.json", 200, 0.5)
    done = run("monitor", str(tmp_path))
    assert done.exit_code == 2
    assert "expected at most 50 states, got 51" in done.output
    one_sentence(Exception(done.output.strip()))


def test_missing_and_hostile_states(tmp_path: Path) -> None:
    """A missing state ends with 2, as does one with hostile texts, which reach no terminal."""
    assert run("monitor", str(tmp_path / "none")).exit_code == 2
    path = state(tmp_path / "s.json", 200, 0.5)
    stored = json.loads(path.read_text())
    stored["last"][0]["statistic"] = stored["alarms"][0]["time"] = "\x1b[2J[red]x[/red]\u202e"
    path.write_text(json.dumps(stored))
    done = run("monitor", str(path))
    assert done.exit_code == 2
    assert "remove it to begin anew" in done.output
    assert "\x1b" not in done.output
    assert "\u202e" not in done.output
