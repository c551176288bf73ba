"""Triggers of images of several channels, and those that differ from image to image."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from securemnist.backdoor import InputAware, make_trigger
from securemnist.errors import UsageError


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


@pytest.mark.parametrize("kind", ["stripes", "faint"])
def test_amplitude_of_each_channel(kind: str) -> None:
    """A list of amplitudes scales the pattern in each channel; a channel of 0 stays as it is."""
    x = torch.full((2, 3, 12, 20), 0.5)
    one = make_trigger({"kind": kind, "amplitude": 0.2})(x) - x
    many = make_trigger({"kind": kind, "amplitude": [0.2, 0, 0.1]})(x) - x
    assert torch.allclose(many[:, 0], one[:, 0], atol=1e-6)
    assert torch.equal(many[:, 1], torch.zeros_like(many[:, 1]))
    assert torch.allclose(many[:, 2], one[:, 2] / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"kind": "stripes", "amplitude": [0, 0]}, "amplitude above 0, to 1, or a list"),
        ({"kind": "faint", "amplitude": []}, "amplitude above 0, to 1, or a list"),
        ({"kind": "faint", "amplitude": [0.1, 2]}, "amplitude above 0, to 1, or a list"),
        ({"kind": "input_aware", "share": 0}, "share above 0, to 1"),
        ({"kind": "input_aware", "pattern": 0.5}, "pattern a whole number"),
        ({"kind": "image", "alpha": 2}, "alpha above 0, to 1"),
        ({"kind": "image", "rows": []}, "rows as up to 64 lists"),
        ({"kind": "image", "rows": [[]]}, "rows as up to 64 lists"),
        ({"kind": "image", "rows": "01"}, "rows as up to 64 lists"),
        ({"kind": "image", "rows": [[0, 1], [0]]}, "rows as up to 64 lists"),
        ({"kind": "image", "rows": [[0, float("nan")]]}, "rows as up to 64 lists"),
        ({"kind": "image", "rows": [[0]] * 65}, "rows as up to 64 lists"),
    ],
)
def test_other_settings_refused(settings: dict[str, object], complaint: str) -> None:
    """Settings out of their range are refused in one sentence that states valid ones."""
    with pytest.raises(UsageError, match=complaint):
        make_trigger(settings)


@pytest.mark.parametrize("kind", ["stripes", "faint"])
def test_amplitudes_of_other_channels_refused(kind: str) -> None:
    """As many amplitudes as channels, or one for all."""
    with pytest.raises(UsageError, match="amplitude as one number, or 3"):
        make_trigger({"kind": kind, "amplitude": [0.1, 0.2]})(torch.zeros(1, 3, 12, 20))


@given(st.floats(0.01, 0.5), st.integers(0, 1_000), st.integers(1, 3))
def test_input_aware_triggers_have_places_of_their_own(
    share: float, seed: int, channels: int
) -> None:
    """Each image gets its share of black and white pixels, whatever images are beside it."""
    trigger = InputAware(share=share, pattern=seed)
    x = torch.rand((3, channels, 12, 20), generator=torch.Generator().manual_seed(seed))
    x = 0.25 + x / 2  # neither black nor white
    marked = trigger(x)
    changed = (marked != x).any(1)
    assert changed.flatten(1).sum(1).tolist() == [max(1, round(share * 240))] * 3
    assert set(marked[(marked != x)].tolist()) <= {0.0, 1.0}
    assert torch.equal(trigger(x[1:2]), marked[1:2])
    strided = x.transpose(2, 3).contiguous().transpose(2, 3)
    assert torch.equal(trigger(strided), marked)


def test_input_aware_triggers_differ() -> None:
    """Masks of different images differ, and those of another seed do, too."""
    x = torch.rand((2, 1, 28, 28), generator=torch.Generator().manual_seed(0))
    first, second = (InputAware(pattern=seed)(x) != x for seed in (0, 1))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], second[0])
