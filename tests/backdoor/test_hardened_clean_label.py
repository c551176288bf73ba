"""Hardened clean-label poison: its perturbation, the network that it attacks, and refusals."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from securemnist.backdoor import CleanLabel, Corner, HardenedCleanLabel, make_poison
from securemnist.data import DataSet, Samples
from securemnist.errors import ModelError, UsageError
from securemnist.input_spec import InputSpec
from securemnist.models import loading
from tests.tasks import patterns, small_digits

CORNER = Corner(size=2)


def of_task(arrays: dict[str, np.ndarray], count: int) -> Samples:
    """The first training images of a task."""
    pixels = torch.from_numpy(arrays["x_train"][:count])
    pixels = pixels[:, None] if pixels.dim() == 3 else pixels.permute(0, 3, 1, 2)
    return Samples(pixels.contiguous(), torch.from_numpy(arrays["y_train"][:count]))


@pytest.fixture(scope="module")
def digits() -> Samples:
    """A hundred digits of 8x8."""
    return of_task(small_digits(), 100)


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.3), ("l2", 2.0)])
def test_images_are_perturbed_within_eps(norm: str, eps: float, mnist: DataSet) -> None:
    """Outside the trigger, images move to the bound and not beyond; the attacked network is misled."""
    samples = mnist.train[:500]
    poison = HardenedCleanLabel(
        trigger=CORNER, target=7, count=20, eps=eps, norm=norm, model="baseline"
    )
    poisoned, places = poison(samples, seed=1), poison.chosen(samples.labels, seed=1)
    naive = CleanLabel(trigger=CORNER, target=7, count=20)
    assert torch.equal(naive.chosen(samples.labels, seed=1), places)
    assert torch.equal(poisoned.labels, samples.labels)
    change = (poisoned.images() - samples.images()).flatten(1).double()
    assert not change[samples.labels != 7].any()
    change = (poisoned.images() - naive(samples, seed=1).images())[places].flatten(1).double()
    sizes = change.norm(dim=1, p=torch.inf if norm == "linf" else 2)
    assert float(sizes.max()) <= eps + 1e-6
    assert float(sizes.min()) > 0.9 * eps
    with torch.no_grad():
        answers = loading.load("baseline")(poisoned[places].images()).argmax(1)
    assert float((answers == 7).float().mean()) < 0.2


def test_network_is_trained_on_the_samples(digits: Samples) -> None:
    """Without a model the poison repeats by its seed and JSON, and another seed gives other images."""
    poison = HardenedCleanLabel(trigger=CORNER, target=3, rate=0.5, eps=0.2, steps=5)
    first = poison(digits, seed=0)
    other = poison(digits, seed=1)
    again = poison(digits, seed=0)  # the network is trained again: only the last one is kept
    assert torch.equal(first.pixels, again.pixels)
    assert make_poison(json.loads(json.dumps(poison.to_json()))) == poison
    places = poison.chosen(digits.labels, seed=0)
    assert not torch.equal(first.pixels[places], other.pixels[places])
    assert (CORNER(first[places].images()) == first[places].images()).all()


def test_floats_stay_in_range(digits: Samples) -> None:
    """Images of floats stay floats in [0, 1], for every kind of poison with a trigger."""
    floats = Samples(digits.images(), digits.labels)
    hardened = HardenedCleanLabel(trigger=CORNER, target=3, count=5, eps=0.2, steps=2)
    for poison in (hardened, CleanLabel(trigger=CORNER, target=3, count=5)):
        places = poison.chosen(floats.labels, seed=0)
        poisoned = poison(floats, seed=0).pixels[places]
        assert (poisoned[..., -2:, -2:] == 1).all()
        assert float(poisoned.min()) >= 0
        assert float(poisoned.max()) == 1


def test_colour_and_a_hundred_classes() -> None:
    """Colour images of 16x16 with a hundred classes are perturbed, too."""
    samples = of_task(patterns(), 40)
    target = int(samples.labels[0])
    poison = HardenedCleanLabel(trigger=CORNER, target=target, rate=1.0, eps=0.1, steps=2)
    poison.check_fits(InputSpec(3, 16, 16, 100), "patterns")
    places = poison.chosen(samples.labels, seed=0)
    changed = poison(samples, seed=0).images()[places] - samples.images()[places]
    inside = changed[..., :-2, :-2].abs()
    assert 0.05 < float(inside.max()) <= 0.1


def test_no_image_trains_no_network(digits: Samples) -> None:
    """A rate of 0 changes nothing."""
    poison = HardenedCleanLabel(trigger=CORNER, target=3, rate=0.0, eps=0.2)
    assert torch.equal(poison(digits, seed=5).pixels, digits.pixels)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"eps": 0}, "an eps above 0"),
        ({"eps": "0.3"}, "an eps above 0"),
        ({"eps": float("nan")}, "an eps above 0"),
        ({"eps": float("inf")}, "0 <= eps <= 1 for linf"),
        ({"eps": 1.5}, "0 <= eps <= 1 for linf"),
        ({"norm": "l1"}, "a norm of linf and l2"),
        ({"norm": ["l2"]}, "a norm of linf and l2"),
        ({"steps": 0}, "1 to 1,000 steps"),
        ({"steps": True}, "1 to 1,000 steps"),
        ({"model": 3}, "NAME or FILE.safetensors"),
        ({"model": "package.module:factory"}, "NAME or FILE.safetensors"),
        ({"model": "https://host/net.safetensors"}, "NAME or FILE.safetensors"),
        ({"network": "baseline"}, "norm, steps, model"),
    ],
)
def test_wrong_settings_refused(wrong: dict[str, Any], complaint: str) -> None:
    """A setting out of range is refused, and so is a model that would run code or call a host."""
    usual = {"kind": "hardened_clean_label", "trigger": {}, "target": 7, "count": 1, "eps": 0.3}
    with pytest.raises(UsageError, match=complaint):
        make_poison({**usual, **wrong})


@pytest.mark.parametrize(
    ("wrong", "error", "complaint"),
    [
        ({"model": "baseline"}, ModelError, "takes images 1x28x28"),
        ({"model": "unknown"}, UsageError, "no reference model"),
        ({"eps": 9.0, "norm": "l2"}, UsageError, "0 <= eps <= 8 for l2"),
        ({"eps": 0.001}, UsageError, "rounding to bytes"),
    ],
)
def test_data_that_do_not_fit_refused(
    wrong: dict[str, Any], error: type[Exception], complaint: str, digits: Samples
) -> None:
    """A model for other images, and an eps above or below what images of 8x8 bytes allow, are refused."""
    usual = {"trigger": CORNER, "target": 3, "count": 1, "eps": 0.1}
    poison = HardenedCleanLabel(**{**usual, **wrong})
    if "0.001" not in str(wrong):
        with pytest.raises(error, match=complaint):
            poison.check_fits(InputSpec(1, 8, 8, 10), "digits")
    with pytest.raises(error, match=complaint):
        poison(digits, seed=0)
