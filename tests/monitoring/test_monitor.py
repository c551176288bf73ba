"""The monitor: windows, alarms and the state over a restart."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from securemnist.data import DataSet
from securemnist.errors import DataError, UsageError
from securemnist.monitoring import Monitor, MonitorSettings, Reference, state
from securemnist.monitoring.statistics import names, statistics
from tests.error_form import one_sentence
from tests.monitoring.streams import CLASSES, Stream, stream

SMALL = MonitorSettings(window=100)


def feed(monitor: Monitor, part: Stream, size: int = 7) -> list[Any]:
    """The alarms of a stream, in requests of `size` images."""
    alarms = []
    for images, logits in zip(part.images.split(size), part.logits.split(size), strict=True):
        alarms += monitor.observe(images, logits)
    return alarms


def test_statistics_are_as_documented() -> None:
    """Margin, entropy, variation, brightness of each channel and the class, of one image."""
    images = torch.zeros(1, 3, 2, 2)
    images[0, 0] = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    images[0, 2] = 0.5
    rows, labels = statistics(images, torch.tensor([[0.0, 2.0, 2.0 - 0.5]]))
    shares = torch.tensor([0.0, 2.0, 1.5]).softmax(0)
    expected = [0.5, -(shares * shares.log()).sum(), 1 / 3, 0.5, 0.0, 0.5]
    assert torch.allclose(rows, torch.tensor([expected]))
    assert labels.tolist() == [1]
    assert names(3) == (
        *("margin", "entropy", "variation"),
        *("brightness 0", "brightness 1", "brightness 2"),
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 3e38])
def test_odd_logits_give_finite_statistics(value: float) -> None:
    """Logits that are not finite, or huge, leave every statistic finite."""
    logits = torch.tensor([[value, 1.0, -3e38], [value, value, value]])
    assert torch.isfinite(statistics(torch.zeros(2, 1, 8, 8), logits)[0]).all()


def test_no_alarm_without_drift(reference: Reference) -> None:
    """A stream of the reference's distribution raises no alarm, in 30 windows."""
    monitor = Monitor(reference, SMALL)
    assert feed(monitor, stream(3_000, seed=2), 50) == []
    assert (monitor.windows, monitor.images) == (30, 3_000)


@pytest.mark.parametrize("kind", ["noise", "brightness", "one class", "a tenth with noise"])
def test_drift_is_named(kind: str, reference: Reference) -> None:
    """Each drift raises an alarm in the first window that it fills, with the statistic it changes."""
    images, logits = stream(400, seed=3)
    noise = torch.rand(images.shape, generator=torch.Generator().manual_seed(0))
    if kind == "noise":
        images = (images + 0.3 * noise).clamp(0, 1)
    elif kind == "brightness":
        images = images * 0.5
    elif kind == "one class":
        logits = logits + 100 * torch.eye(CLASSES)[1]
    else:
        images = torch.where(torch.arange(400)[:, None, None, None] % 10 == 0, noise, images)
    alarms = feed(Monitor(reference, SMALL), Stream(images, logits).part(0, 100))
    expected = {"one class": "classes", "brightness": "brightness"}.get(kind, "variation")
    assert expected in {alarm.result.statistic for alarm in alarms}
    assert all(alarm.window == 1 and alarm.result.p < alarm.limit for alarm in alarms)
    assert "window 1: " in str(alarms[0])
    assert "than in the reference" in str(alarms[0])


@settings(max_examples=10)
@given(st.lists(st.integers(1, 260), min_size=1, max_size=5))
def test_result_does_not_depend_on_batches(sizes: list[int]) -> None:
    """However requests are batched, the same windows are compared, and the same alarms raised."""
    known = Reference.of(*stream(150, seed=1))
    images, logits = stream(sum(sizes), seed=4)
    images = torch.where(torch.arange(len(images))[:, None, None, None] > 300, 1 - images, images)
    whole, parts = Monitor(known, SMALL), Monitor(known, SMALL)
    expected = [alarm.result for alarm in whole.observe(images, logits)]
    found = []
    for x, z in zip(images.split(sizes), logits.split(sizes), strict=True):
        found += [alarm.result for alarm in parts.observe(x, z)]
    assert [(r.statistic, r.test) for r in found] == [(r.statistic, r.test) for r in expected]
    assert whole.windows == parts.windows == sum(sizes) // 100


def test_alpha_is_spent_once() -> None:
    """The limits of all windows and tests sum to alpha, not more."""
    chosen = MonitorSettings(alpha=0.01)
    spent = sum(13 * chosen.limit(window, 13) for window in range(1, 100_000))
    assert 0.0099 < spent <= 0.01


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


@pytest.mark.parametrize("other", ["reference", "settings"])
def test_state_of_another_monitor_is_not_continued(
    other: str, reference: Reference, tmp_path: Path
) -> None:
    """With another reference, or other settings, the windows begin anew."""
    path = tmp_path / "state.json"
    monitor = Monitor(reference, SMALL, path)
    feed(monitor, stream(250, seed=2))
    monitor.save()
    assert Monitor(reference, SMALL, path).windows == 2
    if other == "reference":
        again = Monitor(Reference.of(*stream(1_000, seed=8)), SMALL, path)
    else:
        again = Monitor(reference, MonitorSettings(window=120), path)
    assert (again.windows, again.images, again.last) == (0, 0, [])


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


def test_state_with_foreign_rows_is_not_continued(reference: Reference, tmp_path: Path) -> None:
    """Rows, classes or a window that do not fit the reference are not taken over."""
    path = tmp_path / "state.json"
    for change in (
        {"rows": [[1.0]], "labels": [0]},
        {"rows": [[1.0] * 4], "labels": [CLASSES]},
        {"rows": [[1.0] * 4] * 100, "labels": [0] * 100},
    ):
        path.unlink(missing_ok=True)
        monitor = Monitor(reference, SMALL, path)
        feed(monitor, stream(130, seed=2))
        monitor.save()
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
        assert Monitor(reference, SMALL, path).windows == 0


def test_other_shapes_are_refused(reference: Reference) -> None:
    """Images or logits of another form than the reference's are refused in one sentence."""
    monitor = Monitor(reference, SMALL)
    for images, logits in (
        (torch.zeros(1, 3, 8, 8), torch.zeros(1, CLASSES)),
        (torch.zeros(1, 1, 8, 8), torch.zeros(1, CLASSES + 1)),
        (torch.zeros(2, 1, 8, 8), torch.zeros(1, CLASSES)),
        (torch.zeros(1, 8, 8), torch.zeros(1, CLASSES)),
    ):
        with pytest.raises(DataError) as refused:
            monitor.observe(images, logits)
        one_sentence(refused.value)


def test_reference_of_data_is_the_tuning_split(mnist: DataSet) -> None:
    """The reference has up to 5,000 images of the tuning split, the test split without one."""

    def predict(images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, 300:310]

    tuning = Reference.of_data(predict, mnist)
    images = mnist.tuning.images()
    assert tuning.digest == Reference.of(images, predict(images)).digest
    part = mnist.test[:600]
    alone = DataSet("t", part[:0], part[:0], part, mnist.spec, {})
    assert Reference.of_data(predict, alone).size == 600
    with pytest.raises(DataError) as refused:
        Reference.of(images[:99], predict(images[:99]))
    one_sentence(refused.value)


def test_colour_and_many_classes() -> None:
    """Colour images are compared by channel: a change of one channel is named by its number."""
    known = Reference.of(*stream(800, channels=3, seed=1))
    images, logits = stream(100, channels=3, seed=2)
    images[:, 1] *= 0.5
    alarms = feed(Monitor(known, SMALL), Stream(images, logits))
    assert "brightness 1" in {alarm.result.statistic for alarm in alarms}
    assert not {"brightness 0", "brightness 2"} & {alarm.result.statistic for alarm in alarms}


def test_observing_takes_little_time() -> None:
    """A 28x28 image takes a fraction of a millisecond, one request each, on a busy machine, too."""
    rng = torch.Generator().manual_seed(0)
    images, logits = torch.rand(3_000, 1, 28, 28, generator=rng), torch.rand(3_000, 10)
    monitor = Monitor(Reference.of(images, logits))
    began = time.process_time()
    feed(monitor, Stream(images, logits), 1)
    assert (time.process_time() - began) / 3_000 < 500e-6
