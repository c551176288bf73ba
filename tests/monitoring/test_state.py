"""The state of a monitor over a restart."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.monitoring import Monitor, MonitorSettings, Reference, state
from tests.error_form import one_sentence
from tests.monitoring.streams import CLASSES, SMALL, Stream, feed, stream


def test_state_survives_a_restart(reference: Reference, tmp_path: Path) -> None:
    """A monitor that goes on from its state finds the same as one that was never stopped."""
    path, drifting = tmp_path / "state.json", stream(400, seed=5)
    drifting.images[220:] *= 0.4
    expected = feed(once := Monitor(reference, SMALL), drifting)
    found = []
    for start in range(0, 400, 50):
        monitor = Monitor(reference, SMALL, path)
        found += feed(monitor, drifting.part(start, start + 50))
        monitor.save()
    assert [alarm.result for alarm in found] == [alarm.result for alarm in expected]
    assert len(found) > 1
    last = state.read(path)
    assert (last.windows, last.images, last.alarm_count) == (4, 400, once.alarm_count)
    assert [alarm.result for alarm in last.alarms] == [alarm.result for alarm in expected]


def test_first_alarms_are_kept(reference: Reference, tmp_path: Path) -> None:
    """Of a lasting drift the first alarms and the latest ones are kept, and the state can be read."""
    monitor = Monitor(reference, SMALL, tmp_path / "state.json")
    images, logits = stream(6_000, seed=3)
    monitor.observe(images * 0.2, logits)
    monitor.save()
    kept = state.read(tmp_path / "state.json")
    assert kept.alarm_count > len(kept.alarms) == state.KEPT_ALARMS
    assert kept.alarms[0].window == 1
    assert kept.alarms[-1].window == kept.windows == 60
    assert [a.window for a in kept.alarms] == sorted(a.window for a in kept.alarms)


def saved(reference: Reference, folder: Path, images: Stream) -> Path:
    """The file of the state of a monitor that observed a stream."""
    path = folder / "state.json"
    monitor = Monitor(reference, SMALL, path)
    feed(monitor, images)
    monitor.save()
    return path


@pytest.mark.parametrize("other", ["reference", "settings"])
def test_state_of_another_monitor_is_not_continued(
    other: str, reference: Reference, tmp_path: Path
) -> None:
    """With another reference, or other settings, the windows begin anew."""
    path = saved(reference, tmp_path, stream(250, seed=2))
    assert Monitor(reference, SMALL, path).windows == 2
    if other == "reference":
        again = Monitor(Reference.of(*stream(1_000, seed=8)), SMALL, path)
    else:
        again = Monitor(reference, MonitorSettings(window=120), path)
    assert (again.windows, again.images, again.last) == (0, 0, [])


def test_state_goes_on_where_the_last_bits_of_the_reference_differ(
    mnist: DataSet, tmp_path: Path
) -> None:
    """Another number of threads changes last bits of logits; alarms of before were lost by that."""

    def predict(images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, 300:310] * scale

    path, window = tmp_path / "state.json", MonitorSettings(window=500)
    scale = 1.0
    monitor = Monitor(Reference.of_data(predict, mnist, model="a"), window, path)
    black = torch.zeros(500, 1, 28, 28)
    assert monitor.observe(black, predict(black))
    monitor.save()
    scale = 1 + 1e-6
    again = Reference.of_data(predict, mnist, model="a")
    assert Monitor(again, window, path).alarms == monitor.alarms
    assert not Monitor(Reference.of_data(predict, mnist, model="b"), window, path).alarms
    other = dataclasses.replace(mnist, digests={"tuning": "0"})
    assert not Monitor(Reference.of_data(predict, other, model="a"), window, path).alarms


@pytest.mark.parametrize(
    "change",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        {"format": 2},
        {"windows": -1},
        {"windows": True},
        {"images": "1"},
        {"rows": [[1.0], [1.0, 2.0]], "labels": [0, 0]},
        {"rows": [["x", 1.0, 1.0, 1.0]], "labels": [0]},
        {"labels": [0]},
        {"alarms": [{}]},
        {"owner": "../../x"},
        {"extra": 1},
    ],
    ids=str,
)
def test_damaged_state_is_refused(
    change: bytes | dict[str, object], reference: Reference, tmp_path: Path
) -> None:
    """A damaged state is refused in one sentence, by the monitor and by its readers."""
    path = tmp_path / "state.json"
    Monitor(reference, SMALL, path).save()
    if isinstance(change, dict):
        change = json.dumps({**json.loads(path.read_text()), **change}).encode()
    path.write_bytes(change)
    for call in (lambda: state.read(path), lambda: Monitor(reference, SMALL, path)):
        with pytest.raises(UsageError) as refused:
            call()
        one_sentence(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        {"rows": [[1.0]], "labels": [0]},
        {"rows": [[1.0] * 4], "labels": [CLASSES]},
        {"rows": [[1.0] * 4] * 100, "labels": [0] * 100},
        {"windows": 2**53},
        {"windows": 10**6},
        {"images": 0},
        {"limit": 0.0},
        {"rows": [], "labels": []},
    ],
    ids=lambda change: str(change)[:40],
)
def test_state_that_no_monitor_has_written(
    change: dict[str, object], reference: Reference, tmp_path: Path
) -> None:
    """Rows, totals or a limit that do not fit the windows are refused: late windows raise no alarm."""
    path = saved(reference, tmp_path, stream(130, seed=2))
    assert Monitor(reference, SMALL, path).windows == 1
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UsageError) as refused:
        Monitor(reference, SMALL, path)
    one_sentence(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        {"rows": [[1e308] * 4]},
        {"last": [{"statistic": "\x1b[31m"}]},
        {"last": [{"test": "none"}]},
        {"last": [{}] * 1000},
        {"alarms": [{"time": "\x1b]0;title\x07"}]},
        {"alarms": [{"window": -1}]},
    ],
    ids=lambda change: str(change)[:40],
)
def test_hostile_values_are_refused(
    change: dict[str, list[object]], reference: Reference, tmp_path: Path
) -> None:
    """Numbers that overflow, and texts that would reach a terminal or the metrics, are refused."""
    drifting = stream(130, seed=2)
    drifting.images[:] *= 0.2
    path = saved(reference, tmp_path, drifting)
    stored = json.loads(path.read_text())
    for name, values in change.items():
        first = stored[name][0]
        stored[name] = [{**first, **v} if isinstance(v, dict) else v for v in values]
    stored["labels"] = stored["labels"][: len(stored["rows"])]
    path.write_text(json.dumps(stored))
    with pytest.raises(UsageError) as refused:
        state.read(path)
    one_sentence(refused.value)


def _without(name: str, *places: int) -> Callable[[dict[str, Any]], None]:
    """A change that removes entries of a list."""

    def change(stored: dict[str, Any]) -> None:
        kept = [entry for place, entry in enumerate(stored[name]) if place not in places]
        stored[name] = kept

    return change


def _quiet(stored: dict[str, Any]) -> None:
    """The last window had no small p value."""
    for result in stored["last"]:
        result["p"] = 0.5


def _later(stored: dict[str, Any]) -> None:
    """The first alarm is of a window that has not come."""
    stored["alarms"][0]["window"] = stored["windows"] + 1


FORGED: dict[str, Callable[[dict[str, Any]], object]] = {
    "first alarm removed": _without("alarms", 0),
    "second alarm removed": _without("alarms", 1),
    "alarms removed": lambda stored: stored.update(alarms=[]),
    "alarms not counted": lambda stored: stored.update(alarms=[], alarm_count=0),
    "more counted": lambda stored: stored.update(alarm_count=stored["alarm_count"] + 1),
    "last window quiet": _quiet,
    "last results removed": _without("last", *range(5)),
    "later alarm": _later,
    "other order": lambda stored: stored["alarms"].reverse(),
    "another limit": lambda stored: stored["alarms"][0].update(limit=0.5),
    "no small p": lambda stored: stored["alarms"][0]["result"].update(p=0.9),
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_a_state_with_hidden_alarms_is_refused(
    change: Callable[[dict[str, Any]], object], reference: Reference, tmp_path: Path
) -> None:
    """Alarms that are removed or changed, so that totals and results do not agree, are noticed."""
    drifting = stream(250, seed=2)
    drifting.images[:] *= 0.2
    path = saved(reference, tmp_path, drifting)
    stored = json.loads(path.read_text())
    assert stored["alarms"][0]["window"] < stored["windows"] == 2
    Monitor(reference, SMALL, path)
    change(stored)
    path.write_text(json.dumps(stored))
    with pytest.raises(UsageError) as refused:
        Monitor(reference, SMALL, path)
    one_sentence(refused.value)


@pytest.mark.parametrize("kept", [0.01, 0.5, 0.99])
def test_a_truncated_state_is_refused(kept: float, reference: Reference, tmp_path: Path) -> None:
    """A state that breaks off is no empty one: the windows do not begin anew without a word."""
    path = saved(reference, tmp_path, stream(250, seed=2))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    for call in (lambda: state.read(path), lambda: Monitor(reference, SMALL, path)):
        with pytest.raises(UsageError, match="remove it to begin anew"):
            call()
