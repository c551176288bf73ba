"""ART's preprocessing defences: the same code, refused settings, and attacks that go through them."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import torch

from securemnist.api.inputs import as_defence
from securemnist.art_library.isolation import load
from securemnist.art_library.signatures import PREPROCESSORS, signature
from securemnist.attacks.losses import loss_and_gradient, margins
from securemnist.data import DataSet
from securemnist.defences import make_defence
from securemnist.defences.art_preprocessing import SUPPORTED, ARTPreprocessing
from securemnist.defences.subject import defended
from securemnist.errors import PolicyError
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models.loading import Subject

SETTINGS: dict[str, dict[str, Any]] = {
    "FeatureSqueezing": {"bit_depth": 2},
    "JpegCompression": {"quality": 30},
    "SpatialSmoothing": {"window_size": 3},
}
REFUSED = [
    ({"use": "art:ThermometerEncoding"}, "of an image to an image"),
    ({"use": "art:TotalVarMin"}, "without random draws"),
    ({"use": "art:JpegCompresion"}, "did you mean JpegCompression"),
    ({"use": "art:"}, "expected a preprocessing defence of ART"),
    ({"use": "art:JpegCompression", "steps": 1}, "got 'steps'"),
    ({"use": "art:JpegCompression", "channels_first": False}, "got 'channels_first'"),
]


@pytest.mark.parametrize("kind", SUPPORTED)
def test_answers_are_those_of_arts_own_code(kind: str, mnist: DataSet, baseline: Subject) -> None:
    """The defended model answers as the model does on images that ART changed, and so does the copy."""
    defence = make_defence({"use": f"art:{kind}", **SETTINGS[kind]})
    subject, x = defended(baseline, defence), mnist.tuning[:4].images()
    preprocessor = getattr(load().defences.preprocessor, kind)
    options = {"clip_values": (0.0, 1.0), "channels_first": True}
    known = {key: options[key] for key in options if key in signature(kind, PREPROCESSORS)}
    changed, _ = preprocessor(**known, **SETTINGS[kind])(x.numpy())
    expected = baseline.model(torch.from_numpy(np.asarray(changed, np.float32)))
    assert not np.array_equal(changed, x.numpy())
    assert torch.equal(subject.model(x), expected)
    assert subject.attacked is not None
    assert torch.equal(subject.attacked(x), expected)


def test_attacks_go_through_as_if_it_were_the_identity(mnist: DataSet, baseline: Subject) -> None:
    """The copy has a gradient, the defended model none; the attack breaks every image of the baseline."""
    subject = defended(baseline, as_defence("art:FeatureSqueezing:bit_depth=3"))
    few = mnist.tuning[:4]
    x, y = few.images(), few.labels
    assert subject.attacked is not None
    assert bool(loss_and_gradient(subject.attacked, x, y, margins)[1].flatten(1).any(1).all())
    assert not loss_and_gradient(subject.model, x, y, margins)[1].any()
    attack = {"use": "PGD", "steps": 20}
    row = {"threat": {"norm": "linf", "eps": 0.3}, "attack": attack, "images": 8}
    row |= {"defence": {"use": "art:FeatureSqueezing", "bit_depth": 3}}
    found = take_measurement(
        Context(baseline, mnist), "attack_accuracy", bind("attack_accuracy", row), 0
    )
    assert found.value == 0


def test_text_and_table_name_the_same_defence() -> None:
    """The option --defence and a row give equal defences, which a row stores as it was written."""
    table = {"use": "art:SpatialSmoothing", "window_size": 5}
    assert as_defence("art:SpatialSmoothing:window_size=5") == make_defence(table)
    assert make_defence(table).to_json() == table
    assert make_defence(table).text == "art:SpatialSmoothing:window_size=5"


def test_calls_leave_random_state_alone(mnist: DataSet) -> None:
    """A defence of ART draws nothing from the generators of the process."""
    defence, before = ARTPreprocessing(kind="SpatialSmoothing"), torch.get_rng_state()
    defence.transform(mnist.tuning[:2].images())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kind", SUPPORTED)
def test_signatures_match_classes(kind: str) -> None:
    """Names of parameters parsed from ART's source equal those of the class."""
    real = inspect.signature(getattr(load().defences.preprocessor, kind)).parameters
    assert set(signature(kind, PREPROCESSORS)) == set(real)


@pytest.mark.parametrize(("settings", "expected"), REFUSED)
def test_other_defences_are_refused(settings: dict[str, Any], expected: str) -> None:
    """A class that changes the form of images or draws at random, and a wrong setting, are refused."""
    with pytest.raises(PolicyError, match=expected):
        make_defence(settings)
