"""Every bundled defence: form, determinism, names, settings, and what it does to images."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from securemnist.data import DataSet
from securemnist.defences import DEFENCES, make_defence
from securemnist.defences.base import Defence, InputDefence
from securemnist.defences.subject import defended
from securemnist.errors import PolicyError, UsageError
from securemnist.models.loading import Subject, from_model
from tests.small_network import small_network
from tests.stubs import FunctionModel

NAMES = sorted(DEFENCES)
FORMS = [(1, 28, 28), (3, 32, 32), (4, 9, 13)]
WRONG = [
    ({"use": "jpeg", "quality": 0}, "expected quality as a whole number from 1 to 100, got 0"),
    ({"use": "jpeg", "quality": True}, "expected quality"),
    ({"use": "median", "size": 4}, "size"),
    ({"use": "gaussian", "sigma": float("nan")}, "expected sigma above 0"),
    ({"use": "detector", "squeezer": "x"}, "expected squeezer of bit-depth, median"),
    ({"use": "ensemble", "others": "os:system"}, "expected others as reference models"),
    ({"use": "ensemble"}, "expected settings that ensemble takes"),
    ({"use": "jpg"}, "expected a defence of jpeg"),
    ({"use": ["jpeg"]}, "expected a defence of jpeg"),
    ({"use": "jpeg", "strength": 3}, "got 'strength'"),
    ({"use": "tests.stubs:FunctionModel"}, "subclass of securemnist.defences.base.Defence"),
]


def example(name: str) -> Defence:
    """A defence with its default settings; an ensemble of two."""
    more = {"others": "network_c"} if name == "ensemble" else {}
    return make_defence({"use": name, **more})


@pytest.mark.parametrize("name", NAMES)
def test_defended_model_keeps_the_contract(name: str, mnist: DataSet, baseline: Subject) -> None:
    """Logits are finite and shaped (n, K), images unchanged, and the copy answers as the model does."""
    subject = defended(baseline, example(name))
    x = mnist.tuning[:6].images()
    before, leaf = x.clone(), x.clone().requires_grad_()
    torch.manual_seed(0)
    with torch.no_grad():
        logits = subject.model(x)
    torch.manual_seed(0)
    assert subject.attacked is not None
    answers = subject.attacked(leaf)
    assert logits.shape == (6, 10)
    assert bool(logits.isfinite().all())
    assert torch.equal(x, before)
    assert torch.equal(answers, logits)
    (gradient,) = torch.autograd.grad(answers[:, 0].sum(), leaf)
    assert bool(gradient.isfinite().all())
    assert bool((gradient != 0).flatten(1).any(1).all())


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_images_of_any_form_are_transformed(form: tuple[int, int, int]) -> None:
    """Every defence of the input gives finite images of the same form and precision."""
    x = torch.rand(3, *form, generator=torch.Generator().manual_seed(0))
    for name in NAMES:
        defence = example(name)
        if isinstance(defence, InputDefence):
            for images in (x, x.double()):
                changed = defence.transform(images)
                assert changed.shape == images.shape, name
                assert changed.dtype == images.dtype, name
                assert bool(changed.isfinite().all()), name
                assert defence.randomised or torch.equal(changed, defence.transform(images)), name


@pytest.mark.parametrize(("settings", "words"), WRONG, ids=[str(k) for k in range(len(WRONG))])
def test_wrong_settings_are_refused(settings: dict[str, Any], words: str) -> None:
    """A wrong name or setting is a PolicyError that says what was expected."""
    with pytest.raises((PolicyError, UsageError), match=words):
        make_defence(settings)


@pytest.mark.parametrize("name", NAMES)
def test_defence_round_trips(name: str, baseline: Subject) -> None:
    """The table of a defence makes it again, and the digest of a subject depends on its settings."""
    defence = example(name)
    assert make_defence(defence.to_json()) == defence
    subject = defended(baseline, defence)
    assert subject.digest != baseline.digest
    assert subject.name == f"baseline with {defence.text}"


def test_settings_change_the_digest(baseline: Subject) -> None:
    """Two qualities of JPEG are two subjects."""
    digests = {
        defended(baseline, make_defence({"use": "jpeg", "quality": quality})).digest
        for quality in (10, 90)
    }
    assert len(digests) == 2


@pytest.mark.parametrize("quality", [20, 50, 90])
def test_jpeg_is_that_of_a_codec(quality: int, mnist: DataSet) -> None:
    """The loss is that of Pillow's codec, up to rounding, for sides of whole blocks."""
    image = mnist.tuning[:1].images()[0, 0, 2:26, 2:26]
    levels, file = (image * 255).round().byte().numpy(), io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", quality=quality)
    codec = np.asarray(Image.open(file), dtype=np.float64)
    ours = 255 * make_defence({"use": "jpeg", "quality": quality}).transform(image[None, None])  # type: ignore[attr-defined]
    difference = np.abs(ours[0, 0].numpy() - codec)
    assert difference.max() <= 3
    assert np.abs(codec - levels).max() > difference.max()


def test_detector_refuses() -> None:
    """An answer that the squeezer changes becomes equal logits, which are never right; others stay."""

    def by_one_pixel(x: torch.Tensor) -> torch.Tensor:
        return 20 * (x[:, 0, 10, 10, None] - 0.5) * torch.eye(10)[3]

    subject = from_model(FunctionModel(by_one_pixel), name="m")
    bright = torch.ones(1, 1, 28, 28)
    speck = torch.zeros(1, 1, 28, 28)
    speck[:, :, 10, 10] = 1.0
    detecting = defended(subject, make_defence({"use": "detector", "threshold": 0.5})).model
    assert torch.equal(detecting(bright), by_one_pixel(bright))
    assert bool((detecting(speck) == 0).all())
    assert bool((by_one_pixel(speck) != 0).any())


def test_vote_counts_classes() -> None:
    """A vote is the number of models for each class, the mean is the mean of the logits."""
    subject = from_model(FunctionModel(lambda x: 3 * torch.eye(10)[:1].repeat(len(x), 1)), name="m")
    x = torch.zeros(2, 1, 28, 28)
    vote = defended(
        subject, make_defence({"use": "ensemble", "others": "baseline", "combine": "vote"})
    )
    assert torch.equal(vote.model(x).sum(1), torch.tensor([2.0, 2.0]))
    assert bool((vote.model(x)[:, 0] >= 1).all())


def test_noise_needs_no_seed_of_ours() -> None:
    """A random defence draws anew for each answer."""
    subject = defended(from_model(small_network(), name="m"), example("random-noise"))
    x = torch.rand(4, 1, 28, 28)
    assert subject.randomised
    assert not torch.equal(subject.model(x), subject.model(x))


def test_two_defences_keep_what_each_declares(mnist: DataSet, baseline: Subject) -> None:
    """Behind two defences the model stays random, and attacks go through the copies of both."""
    noisy = defended(baseline, make_defence({"use": "random-noise"}))
    assert defended(noisy, make_defence({"use": "jpeg"})).randomised
    squeezed = defended(baseline, make_defence({"use": "art:FeatureSqueezing", "bit_depth": 3}))
    both = defended(squeezed, make_defence({"use": "bit-depth", "bits": 4}))
    assert both.attacked is not None
    leaf = mnist.tuning[:2].images().requires_grad_()
    (gradient,) = torch.autograd.grad(both.attacked(leaf).sum(), leaf)
    assert bool(gradient.flatten(1).any(1).all())
    assert torch.equal(both.attacked(leaf), both.model(leaf))


@pytest.mark.parametrize("name", [*NAMES, "art:SpatialSmoothing"])
def test_no_image_has_no_answer(name: str, baseline: Subject) -> None:
    """Attacks may ask about no image: the answer has the form (0, K), of the copy, too."""
    subject = defended(baseline, example(name))
    assert subject.attacked is not None
    for model in (subject.model, subject.attacked):
        assert model(torch.zeros(0, 1, 28, 28)).shape == (0, 10)
