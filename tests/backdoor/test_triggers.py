"""Triggers: changed pixels, settings, JSON."""

from __future__ import annotations

import json
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from securemnist._util import resources
from securemnist.backdoor import (
    Blend,
    BlendedImage,
    Corner,
    Faint,
    InputAware,
    Mark,
    Pixels,
    Stripes,
    Trigger,
    Warp,
    make_trigger,
)
from securemnist.backdoor.triggers import CORNERS, TRIGGERS
from securemnist.errors import UsageError
from securemnist.types import Images

values = st.floats(0, 1, width=32)
corners = st.builds(Corner, size=st.integers(1, 14), value=values, corner=st.sampled_from(CORNERS))
blends = st.builds(Blend, alpha=st.floats(0.01, 1), pattern=st.integers(0, 2**31))
marks = st.builds(
    Mark,
    rows=st.sampled_from([("#",), ("##", ".#"), ("." * 13 + "#",) * 14]),
    top=st.integers(0, 14),
    left=st.integers(0, 14),
    value=values,
)
scattered = st.builds(
    Pixels,
    places=st.lists(st.tuples(st.integers(-28, 27), st.integers(-28, 27)), min_size=1, max_size=9),
    value=values,
)
stripes = st.builds(
    Stripes,
    amplitude=st.floats(0.01, 1),
    frequency=st.floats(0.1, 13.9),
    direction=st.sampled_from(["horizontal", "vertical"]),
)
noises = st.builds(Faint, amplitude=st.floats(0.01, 1), pattern=st.integers(0, 2**31))
warps = st.builds(
    Warp,
    points=st.integers(2, 16),
    strength=st.floats(0.01, 8),
    pattern=st.integers(0, 2**31),
)
pictures = st.builds(
    BlendedImage,
    rows=st.sampled_from([((0.5,),), ((0, 1, 0), (1, 0, 1)), ((0.0, 1.0) * 32,) * 64]),
    alpha=st.floats(0.01, 1),
)
generated = st.builds(InputAware, share=st.floats(0.001, 1), pattern=st.integers(0, 2**31))
STRATEGIES = {"corner": corners, "mark": marks, "pixels": scattered, "blend": blends}
STRATEGIES |= {"stripes": stripes, "faint": noises, "warp": warps}
STRATEGIES |= {"image": pictures, "input_aware": generated}
triggers = st.one_of(STRATEGIES.values())


def random_images(seed: int, n: int = 3) -> Images:
    """Random images, (n, 1, 28, 28)."""
    return torch.rand((n, 1, 28, 28), generator=torch.Generator().manual_seed(seed))


def test_every_trigger_is_tested_and_documented() -> None:
    """A trigger that is added to the table has settings for these tests, and its line in the docs."""
    page = (resources.ROOT / "docs" / "backdoor.md").read_text()
    assert set(STRATEGIES) == set(TRIGGERS)
    assert set(re.findall(r'^- `.*kind = "(\w+)"', page, re.MULTILINE)) == set(TRIGGERS)


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


@given(scattered)
def test_pixels_change_only_their_places(trigger: Pixels) -> None:
    """Exactly the pixels at the places have the value, also where they are counted from the end."""
    changed = (trigger(torch.full((2, 1, 28, 28), 2.0)) != 2).nonzero()
    places = {(row % 28, column % 28) for row, column in trigger.places}
    assert {(int(row), int(column)) for _, _, row, column in changed} == places


@given(stripes)
def test_stripes_vary_along_one_direction(trigger: Stripes) -> None:
    """The wave reaches at most its amplitude, and is the same in all rows, or in all columns."""
    change = (trigger(torch.full((1, 3, 28, 28), 0.5)) - 0.5)[0]
    assert change.abs().max() <= min(trigger.amplitude, 0.5) + 1e-6
    assert change.abs().max() > 0
    across = 1 if trigger.direction == "horizontal" else 2
    assert torch.equal(change, change.roll(1, across))


@given(noises)
def test_faint_noise_is_one_for_all_images(trigger: Faint) -> None:
    """All images get the same signs, each of the size of the amplitude."""
    change = trigger(torch.full((2, 3, 28, 28), 0.5)) - 0.5
    assert torch.equal(change[0], change[1])
    size = min(trigger.amplitude, 0.5)
    assert torch.allclose(change.abs(), torch.full_like(change, size), atol=1e-6)
    assert change.min() < 0 < change.max()


@given(pictures)
def test_image_is_blended_into_all_others(trigger: BlendedImage) -> None:
    """All images and channels move by the same share towards the same image."""
    x = torch.full((2, 3, 28, 28), 0.5)
    image = (trigger(x) - x) / trigger.alpha + 0.5
    assert torch.allclose(image, image[:1, :1].expand_as(image), atol=1e-5)
    rows = torch.tensor(trigger.rows)
    assert rows.min() - 1e-4 <= image.min() <= image.max() <= rows.max() + 1e-4


@given(warps)
def test_warp_moves_pixels_and_invents_none(trigger: Warp) -> None:
    """A uniform image stays as it is, and the field moves pixels by `strength` on average."""
    uniform = torch.full((1, 3, 28, 28), 0.25)
    assert torch.allclose(trigger(uniform), uniform, atol=1e-6)
    slight = Warp(points=trigger.points, strength=0.01, pattern=trigger.pattern)
    still = slight.grid(28, 28), slight.grid(29, 40)
    assert all(grid.abs().max() <= 1 for grid in still)
    moved = still[0][0] - Warp(strength=1e-9).grid(28, 28)[0]
    # Bicubic interpolation between the vectors keeps their scale.
    assert 0.001 < float(moved.abs().mean()) * 27 / 2 < 0.02


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
        ({"kind": "sticker"}, ", ".join(TRIGGERS)),
        ({"kind": ["corner"]}, ", ".join(TRIGGERS)),
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
        ({"kind": "pixels", "places": []}, r"places a list of \[row, column\]"),
        ({"kind": "pixels", "places": [[1]]}, r"places a list of \[row, column\]"),
        ({"kind": "pixels", "places": [[1, 0.5]]}, r"places a list of \[row, column\]"),
        ({"kind": "pixels", "places": 3}, r"places a list of \[row, column\]"),
        ({"kind": "pixels", "value": 2}, "value 0 to 1"),
        ({"kind": "stripes", "amplitude": 0}, "amplitude above 0, to 1"),
        ({"kind": "stripes", "frequency": float("inf")}, "frequency above 0"),
        ({"kind": "stripes", "direction": "up"}, "direction of horizontal, vertical"),
        ({"kind": "stripes", "direction": ["up"]}, "direction of horizontal, vertical"),
        ({"kind": "faint", "amplitude": True}, "amplitude above 0, to 1"),
        ({"kind": "faint", "pattern": 0.5}, "pattern a whole number"),
        ({"kind": "warp", "points": 1}, "points 2 to 16"),
        ({"kind": "warp", "strength": float("nan")}, "strength above 0"),
        ({"kind": "warp", "pattern": "a"}, "pattern a whole number"),
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
        ({"kind": "pixels", "places": [[0, 20]]}, "places inside 12x20"),
        ({"kind": "pixels", "places": [[-13, 0]]}, "places inside 12x20"),
        ({"kind": "pixels", "value": [0, 1]}, "value as one number, or 3"),
        ({"kind": "stripes", "frequency": 10}, "frequency below 10 in images of 12x20"),
        ({"kind": "stripes", "direction": "vertical"}, "frequency below 6 in images of 12x20"),
    ],
)
def test_trigger_outside_the_image_refused(settings: dict[str, object], complaint: str) -> None:
    """A trigger that does not fit images of 3x12x20 is refused, before and when it is applied."""
    trigger = make_trigger(settings)
    with pytest.raises(UsageError, match=complaint):
        trigger.check_fits(3, 12, 20)
    with pytest.raises(UsageError, match=complaint):
        trigger(torch.zeros(1, 3, 12, 20))
