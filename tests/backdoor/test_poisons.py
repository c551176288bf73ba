"""Poisons: changed pixels and labels, chosen samples, settings, JSON."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from securemnist.backdoor import (
    AllToAll,
    Blend,
    CleanLabel,
    Corner,
    DirtyLabel,
    LabelFlip,
    Poison,
    SourceSpecific,
    Stripes,
    make_poison,
)
from securemnist.data import DataSet, Samples
from securemnist.errors import UsageError
from securemnist.input_spec import InputSpec

POISONED = [
    DirtyLabel(trigger=Corner(), target=7, rate=0.1),
    CleanLabel(trigger=Corner(), target=7, count=40),
    DirtyLabel(trigger=Blend(), target=0, count=3),
    AllToAll(trigger=Stripes(), rate=0.1),
    SourceSpecific(trigger=Corner(), source=3, target=8, rate=0.5),
    LabelFlip(source=4, target=9, rate=0.5),
]


@pytest.fixture
def samples(mnist: DataSet) -> Samples:
    """A thousand training images."""
    return mnist.train[:1_000]


@pytest.mark.parametrize("poison", POISONED, ids=lambda poison: poison.kind)
def test_poison_json_round_trip(poison: Poison) -> None:
    """The JSON of a poison gives the same poison again."""
    assert make_poison(json.loads(json.dumps(poison.to_json()))) == poison


@pytest.mark.parametrize("poison", POISONED, ids=lambda poison: poison.kind)
def test_poison_changes_only_chosen_samples(poison: Poison, samples: Samples) -> None:
    """Chosen images carry the trigger to the nearest grey level; all others are unchanged."""
    before = samples.pixels.clone(), samples.labels.clone()
    places = poison.chosen(samples.labels, seed=3)
    poisoned = poison(samples, seed=3)
    rest = torch.ones(len(samples), dtype=torch.bool)
    rest[places] = False
    assert torch.equal(poisoned.pixels[rest], samples.pixels[rest])
    assert torch.equal(poisoned.labels[rest], samples.labels[rest])
    wanted = samples[places].images()
    if not isinstance(poison, LabelFlip):
        wanted = poison.trigger(wanted)
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


def test_all_to_all_labels_the_next_class(samples: Samples) -> None:
    """Each poisoned image is labelled as the class after its own, and the last class as the first."""
    poison = AllToAll(trigger=Corner(), rate=0.2)
    places = poison.chosen(samples.labels, seed=0)
    poisoned = poison(samples, seed=0)
    assert torch.equal(poisoned.labels[places], (samples.labels[places] + 1) % 10)
    assert {0, 9} <= set(samples.labels[places].tolist())


def test_source_specific_covers_the_trigger(samples: Samples) -> None:
    """Half of the triggered images are of the source class; the others keep their label."""
    poison = SourceSpecific(trigger=Corner(), source=3, target=8, count=40)
    places = poison.chosen(samples.labels, seed=0)
    of_source = samples.labels[places] == 3
    assert of_source.tolist().count(True) == of_source.tolist().count(False) == 40
    labels = poison(samples, seed=0).labels[places]
    assert (labels[of_source] == 8).all()
    assert torch.equal(labels[~of_source], samples.labels[places][~of_source])
    assert (samples.labels[places] != 8).all()


def test_label_flip_has_no_trigger(samples: Samples) -> None:
    """Flipped labels are those of the source class, and no pixel changes."""
    poison = LabelFlip(source=4, target=9, rate=1.0)
    poisoned = poison(samples, seed=0)
    assert torch.equal(poisoned.pixels, samples.pixels)
    assert not (poisoned.labels == 4).any()
    assert int((poisoned.labels != samples.labels).sum()) == int((samples.labels == 4).sum())


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"kind": "all_to_all", "trigger": {}, "target": 1}, "expected trigger, and count or rate"),
        (
            {"kind": "label_flip", "source": 1, "target": 2, "trigger": {}},
            "expected source, target",
        ),
        ({"kind": "label_flip", "source": -1, "target": 2}, "source class from 0"),
        ({"kind": "label_flip", "target": 2}, "expected source, target"),
        (
            {"kind": "source_specific", "trigger": {}, "source": 1, "target": 1},
            "other than the target",
        ),
        (
            {"kind": "source_specific", "trigger": {}, "source": 1, "target": 2, "cover": -1},
            "cover of 0 to 100",
        ),
    ],
)
def test_settings_of_another_kind_refused(wrong: dict[str, object], complaint: str) -> None:
    """A poison has the settings of its kind only."""
    with pytest.raises(UsageError, match=complaint):
        make_poison({"count": 1, **wrong})


def test_class_beyond_the_data_refused(samples: Samples) -> None:
    """A poison for other data is refused before training: source, target and trigger."""
    spec = InputSpec(1, 28, 28, 5)
    LabelFlip(source=4, target=1, count=1).check_fits(spec, "five")
    for poison in (
        LabelFlip(source=5, target=1, count=1),
        LabelFlip(source=1, target=5, count=1),
        AllToAll(trigger=Corner(value=(0.1, 0.2)), count=1),
    ):
        with pytest.raises(UsageError, match=r"below 5, the classes of five|one for each channel"):
            poison.check_fits(spec, "five")


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
