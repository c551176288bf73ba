"""Triggers and poisons: changed pixels and labels, settings, JSON."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from securemnist.backdoor import (
    Blend,
    CleanLabel,
    Corner,
    DirtyLabel,
    Mark,
    Poison,
    Trigger,
    make_poison,
    make_trigger,
)
from securemnist.backdoor.triggers import CORNERS
from securemnist.data import DataSet, Samples
from securemnist.errors import UsageError
from securemnist.types import Images

corners = st.builds(
    Corner,
    size=st.integers(1, 14),
    value=st.floats(0, 1, width=32),
    corner=st.sampled_from(CORNERS),
)
blends = st.builds(Blend, alpha=st.floats(0.01, 1), pattern=st.integers(0, 2**31))
marks = st.builds(
    Mark,
    rows=st.sampled_from([("#",), ("##", ".#"), ("." * 13 + "#",) * 14]),
    top=st.integers(0, 14),
    left=st.integers(0, 14),
    value=st.floats(0, 1, width=32),
)
triggers = st.one_of(corners, marks, blends)


def random_images(seed: int, n: int = 3) -> Images:
    """Random images, (n, 1, 28, 28)."""
    return torch.rand((n, 1, 28, 28), generator=torch.Generator().manual_seed(seed))


@given(triggers, st.integers(0, 1_000))
def test_trigger_output_range_and_input_unchanged(trigger: Trigger, seed: int) -> None:
    """A trigger returns images of the same shape in [0, 1] and does not change its input."""
    x = random_images(seed)
    before = x.clone()
    marked = trigger(x)
    assert marked.shape == x.shape
    assert 0 <= marked.min() <= marked.max() <= 1
    assert torch.equal(x, before)


@given(corners, st.integers(0, 1_000))
def test_corner_changes_only_its_pixels(trigger: Corner, seed: int) -> None:
    """Exactly size x size pixels of the corner have the value; a second application changes nothing."""
    x = torch.full((1, 1, 28, 28), 2.0)  # no value a trigger could have
    changed = (trigger(x) != x).squeeze()
    rows, columns = changed.any(1).nonzero().flatten(), changed.any(0).nonzero().flatten()
    assert int(changed.sum()) == trigger.size**2
    assert (int(rows[0]) == 0) == trigger.corner.startswith("top")
    assert (int(columns[0]) == 0) == trigger.corner.endswith("left")
    assert len(rows) == len(columns) == trigger.size
    images = random_images(seed)
    assert torch.equal(trigger(trigger(images)), trigger(images))


@given(marks)
def test_mark_changes_only_its_pixels(trigger: Mark) -> None:
    """Exactly the pixels of the `#` have the value, at the offset `top`, `left`."""
    changed = (trigger(torch.full((2, 1, 28, 28), 2.0)) != 2).nonzero()
    drawn = {
        (trigger.top + row, trigger.left + column)
        for row, line in enumerate(trigger.rows)
        for column, pixel in enumerate(line)
        if pixel == "#"
    }
    assert {(int(row), int(column)) for _, _, row, column in changed} == drawn


@given(triggers)
def test_trigger_json_round_trip(trigger: Trigger) -> None:
    """The JSON of a trigger gives the same trigger again."""
    assert make_trigger(json.loads(json.dumps(trigger.to_json()))) == trigger


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"size": 0}, "size 1 to 256"),
        ({"size": 257}, "size 1 to 256"),
        ({"size": True}, "size 1 to 256"),
        ({"value": []}, "one for each channel"),
        ({"value": [0.5, 2]}, "one for each channel"),
        ({"value": 1.5}, "value 0 to 1"),
        ({"value": float("nan")}, "value 0 to 1"),
        ({"value": "white"}, "value 0 to 1"),
        ({"corner": "middle"}, "top_left"),
        ({"kind": "sticker"}, "corner, mark, blend"),
        ({"kind": ["corner"]}, "corner, mark, blend"),
        ({"colour": 3}, "corner, size, value"),
        ({"kind": "blend", "alpha": 0}, "alpha"),
        ({"kind": "mark", "rows": []}, "rows of `#` and `.`"),
        ({"kind": "mark", "rows": "##"}, "rows of `#` and `.`"),
        ({"kind": "mark", "rows": ["..", ".."]}, "with a `#` among them"),
        ({"kind": "mark", "rows": ["#", "##"]}, "all of one length"),
        ({"kind": "mark", "rows": ["#x"]}, "rows of `#` and `.`"),
        ({"kind": "mark", "rows": [7]}, "rows of `#` and `.`"),
        ({"kind": "mark", "left": 0.5}, "left as a whole number"),
        ({"kind": "mark", "value": 2}, "value 0 to 1"),
    ],
)
def test_invalid_trigger_refused(wrong: dict[str, object], complaint: str) -> None:
    """A trigger with invalid settings is refused in one sentence that states valid ones."""
    with pytest.raises(UsageError, match=complaint):
        make_trigger(wrong)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"size": 7}, "size 1 to 6 pixels in images of 12x20"),
        ({"value": [0.1, 0.2]}, "value as one number, or 3"),
        ({"kind": "mark", "rows": ["#" * 21], "left": 0}, "left so that 21 pixels .* 12x20"),
        ({"kind": "mark", "top": 10}, "top so that 3 pixels from there lie inside 12x20"),
        ({"kind": "mark", "left": -2}, "left so that"),
        ({"kind": "mark", "top": -13}, "top so that"),
        ({"kind": "mark", "value": [0, 1]}, "value as one number, or 3"),
    ],
)
def test_trigger_outside_the_image_refused(settings: dict[str, object], complaint: str) -> None:
    """A trigger that does not fit images of 3x12x20 is refused, before and when it is applied."""
    trigger = make_trigger(settings)
    with pytest.raises(UsageError, match=complaint):
        trigger.check_fits(3, 12, 20)
    with pytest.raises(UsageError, match=complaint):
        trigger(torch.zeros(1, 3, 12, 20))


def test_value_of_each_channel() -> None:
    """A list of values colours a trigger, in the corner or by a pattern, and nothing beside it."""
    x = torch.full((2, 3, 12, 20), 0.5)
    colour = [1.0, 0.0, 0.25]
    corner = make_trigger({"size": 2, "value": colour})(x)
    assert corner[0, :, -1, -1].tolist() == colour
    assert (corner != x).sum() == 2 * 3 * 4
    mark = make_trigger({"kind": "mark", "rows": ["#."], "top": -1, "left": 3, "value": colour})(x)
    assert mark[1, :, 11, 3].tolist() == colour
    assert (mark != x).sum() == 2 * 3


@pytest.fixture
def samples(mnist: DataSet) -> Samples:
    """A thousand training images."""
    return mnist.train[:1_000]


@pytest.mark.parametrize(
    "poison",
    [
        DirtyLabel(trigger=Corner(), target=7, rate=0.1),
        CleanLabel(trigger=Corner(), target=7, count=40),
        DirtyLabel(trigger=Blend(), target=0, count=3),
    ],
    ids=lambda poison: poison.kind,
)
def test_poison_changes_only_chosen_samples(poison: Poison, samples: Samples) -> None:
    """Chosen images carry the trigger to the nearest grey level; all others are unchanged."""
    before = samples.pixels.clone(), samples.labels.clone()
    places = poison.chosen(samples.labels, seed=3)
    poisoned = poison(samples, seed=3)
    rest = torch.ones(len(samples), dtype=torch.bool)
    rest[places] = False
    assert torch.equal(poisoned.pixels[rest], samples.pixels[rest])
    assert torch.equal(poisoned.labels[rest], samples.labels[rest])
    wanted = poison.trigger(samples[places].images())
    assert torch.allclose(poisoned[places].images(), wanted, atol=0.5 / 255 + 1e-6)
    assert torch.equal(before[0], samples.pixels)
    assert torch.equal(before[1], samples.labels)


def test_dirty_label_sets_target(samples: Samples) -> None:
    """Dirty-label poisoning takes images of many classes and labels them as the target."""
    poison = DirtyLabel(trigger=Corner(), target=7, rate=0.1)
    places = poison.chosen(samples.labels, seed=0)
    assert len(places) == 100
    assert len(samples.labels[places].unique()) == 10
    assert (poison(samples, seed=0).labels[places] == 7).all()


def test_clean_label_keeps_labels(samples: Samples) -> None:
    """Clean-label poisoning takes images of the target class only and keeps every label."""
    poison = CleanLabel(trigger=Corner(), target=7, rate=0.5)
    places = poison.chosen(samples.labels, seed=0)
    assert len(places) == round(0.5 * int((samples.labels == 7).sum()))
    assert (samples.labels[places] == 7).all()
    assert torch.equal(poison(samples, seed=0).labels, samples.labels)


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 50))
@settings(max_examples=25)
def test_poison_choices_nested_by_seed(few: int, many: int, seed: int) -> None:
    """With one seed a larger count contains the samples of a smaller one."""
    labels = torch.arange(100) % 10
    small, large = (
        set(DirtyLabel(trigger=Corner(), target=1, count=n).chosen(labels, seed=seed).tolist())
        for n in sorted((few, many))
    )
    assert small <= large
    assert len(large) == max(few, many)


@pytest.mark.parametrize(
    ("amount", "complaint"),
    [
        ({}, "one of count and rate"),
        ({"count": 1, "rate": 0.1}, "one of count and rate"),
        ({"rate": 1.5}, "rate of 0 to 1"),
        ({"rate": float("nan")}, "rate of 0 to 1"),
        ({"count": -1}, "count of 0 or more"),
        ({"count": 2.5}, "count of 0 or more"),
        ({"rate": "a"}, "rate of 0 to 1"),
        ({"rate": True}, "rate of 0 to 1"),
        ({"count": 1, "target": 1000}, "target class from 0, below 1,000"),
        ({"count": 1, "target": "7"}, "target class from 0, below 1,000"),
        ({"count": 1, "target": 7.5}, "target class from 0, below 1,000"),
        ({"count": 1, "trigger": "corner"}, "settings by name for a trigger"),
        ({"count": 1, "kind": "secret"}, "dirty_label, clean_label"),
        ({"count": 1, "share": 2}, "count or rate"),
    ],
)
def test_invalid_poison_refused(amount: dict[str, object], complaint: str) -> None:
    """A poison without exactly one valid amount, or of an unknown kind, is refused."""
    usual = {"kind": "dirty_label", "trigger": {}, "target": 7}
    with pytest.raises(UsageError, match=complaint):
        make_poison({**usual, **amount})


def test_poison_count_above_eligible_refused(samples: Samples) -> None:
    """A count above the number of eligible images is an error, not a smaller count."""
    with pytest.raises(UsageError, match="at most"):
        CleanLabel(trigger=Corner(), target=7, count=1_000)(samples, seed=0)
