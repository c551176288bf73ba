"""Poison of a quarter of the images is removed; a frequent feature with right labels is not."""

from __future__ import annotations

import pytest
import torch

from securemnist.backdoor import AllToAll, Blend, Corner, DirtyLabel, Poison, Stripes
from securemnist.backdoor.data_filter import Filtered, filter_data
from securemnist.data import DataSet, Samples

COUNT, RATE = 900, 0.25
POISONS: dict[str, Poison] = {
    "blend": DirtyLabel(trigger=Blend(), target=7, rate=RATE),
    "stripes": DirtyLabel(trigger=Stripes(), target=7, rate=RATE),
    "corner, all to all": AllToAll(trigger=Corner(), rate=RATE),
}


def filtered(poison: Poison, clean: Samples) -> tuple[Filtered, torch.Tensor]:
    """The filter's result on poisoned samples, and which of them are poisoned."""
    planted = torch.zeros(len(clean), dtype=torch.bool)
    planted[poison.chosen(clean.labels, seed=1)] = True
    return filter_data(poison(clean, seed=1)), planted


def with_corner(clean: Samples, chosen: torch.Tensor) -> Samples:
    """The samples, with a corner on the chosen ones and all labels as they were."""
    pixels = clean.pixels.clone()
    pixels[chosen] = (Corner()(clean[chosen].images()) * 255).round().to(torch.uint8)
    return Samples(pixels, clean.labels)


@pytest.mark.parametrize("name", POISONS)
def test_a_quarter_of_poison_is_removed(name: str, mnist: DataSet) -> None:
    """Of 25 % poisoned images 95 % are removed, with 0.5 % of the clean ones at most."""
    found, planted = filtered(POISONS[name], mnist.train[:COUNT])
    assert found.removed[planted].float().mean() >= 0.95
    assert found.removed[~planted].float().mean() <= 0.005


def test_poison_of_two_classes_is_removed(mnist: DataSet) -> None:
    """Half of the poisoned images have their true class then, and still all are removed."""
    labels = mnist.train.labels
    two = mnist.train[((labels == 3) | (labels == 8)).nonzero().squeeze(1)[:1_200]]
    clean = Samples(two.pixels, (two.labels == 8).long())
    found, planted = filtered(DirtyLabel(trigger=Corner(), target=1, rate=RATE), clean)
    assert found.removed[planted].float().mean() >= 0.95
    assert found.removed[~planted].float().mean() <= 0.005


@pytest.mark.parametrize(("classes", "share"), [(range(10), 2), (range(7, 8), 1)])
def test_a_feature_with_right_labels_is_left(classes: range, share: int, mnist: DataSet) -> None:
    """A corner removes no image whose label is right: on half of all images, and on all of a class."""
    clean = mnist.train[:COUNT]
    of_class = torch.isin(clean.labels, torch.tensor(list(classes))).nonzero().squeeze(1)
    assert not filter_data(with_corner(clean, of_class[::share])).removed.any()


def test_a_layer_that_says_little_about_labels_removes_nothing(mnist: DataSet) -> None:
    """A grey background on a fifth of the images, as of a second scanner, contradicts no label.

    The means and maxima of a convolution show the background, and tell the digits hardly.
    """
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 5, 2, 2), torch.nn.Flatten(), torch.nn.Linear(16 * 14 * 14, 10)
    )
    clean = mnist.train[:2_000]
    pixels = clean.pixels.clone()
    pixels[::5] = pixels[::5].clamp(min=26)
    assert not filter_data(Samples(pixels, clean.labels), net).removed.any()


def test_classes_of_several_kinds_are_left(mnist: DataSet) -> None:
    """Nothing is removed of clean digits in five classes, each of which has two digits."""
    few = mnist.train[:COUNT]
    assert not filter_data(Samples(few.pixels, few.labels % 5)).removed.any()


def test_images_without_any_difference_are_left() -> None:
    """Of equal images with two labels none is removed: none is like one label more than the other."""
    labels = torch.arange(400) // 280
    assert not filter_data(
        Samples(torch.full((400, 1, 8, 8), 9, dtype=torch.uint8), labels)
    ).removed.any()
