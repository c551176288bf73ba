"""The monitor: windows and alarms."""

from __future__ import annotations

import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from securemnist.errors import DataError
from securemnist.monitoring import Monitor, MonitorSettings, Reference
from tests.error_form import one_sentence
from tests.monitoring.streams import CLASSES, SMALL, Stream, feed, stream


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
