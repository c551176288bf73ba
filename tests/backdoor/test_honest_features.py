"""A rare honest feature removes nothing and hides no poison; a faint wave with wrong labels is found."""

from __future__ import annotations

import torch

from securemnist.backdoor import Corner, DirtyLabel, Stripes
from securemnist.backdoor.data_filter import filter_data
from securemnist.data import DataSet, Samples
from securemnist.types import Labels
from tests.backdoor.test_data_filter import drawn, of_classes


def framed(clean: Samples, chosen: torch.Tensor, labels: Labels) -> Samples:
    """The samples with a white frame around the chosen ones, and with these labels."""
    pixels = clean.pixels.clone()
    for side in ((..., 0, slice(None)), (..., -1, slice(None)), (..., 0), (..., -1)):
        framed = pixels[chosen]
        framed[side] = 255
        pixels[chosen] = framed
    return Samples(pixels, labels)


def test_a_rare_frame_with_right_labels_is_left_and_hides_no_poison(mnist: DataSet) -> None:
    """Of 3 % framed images of all classes none is removed; a poisoned corner beside them is found."""
    clean = mnist.train[:2_000]
    honest = framed(clean, torch.arange(0, 2_000, 33), clean.labels)
    assert not filter_data(honest[:1_000]).removed.any()
    poison = DirtyLabel(trigger=Corner(), target=7, rate=0.02)
    planted = poison.chosen(honest.labels, seed=1)
    found = filter_data(poison(honest, seed=1))
    assert found.removed[planted].float().mean() >= 0.95
    assert found.removed.sum() <= len(planted) + 5


def test_a_rare_frame_is_left_where_no_other_label_is_doubtful() -> None:
    """In data whose classes never resemble each other, honest frames on 2 % of the images are left."""
    clean = drawn(4, 600)
    frames = torch.arange(0, len(clean), 51)
    assert not filter_data(framed(clean, frames, clean.labels)).removed.any()


def test_a_rare_frame_with_wrong_labels_is_removed(mnist: DataSet) -> None:
    """The same frame is found where its images all have one label."""
    clean = mnist.train[:1_000]
    frames = torch.arange(0, 1_000, 33)
    found = filter_data(framed(clean, frames, clean.labels.clone().index_fill_(0, frames, 7)))
    wrong = frames[clean.labels[frames] != 7]
    assert found.removed[wrong].float().mean() >= 0.95


def test_a_faint_wave_on_most_of_one_class_is_found(mnist: DataSet) -> None:
    """Nine tenths of the ones are labelled 0: no neighbour of a poisoned image contradicts its label."""
    clean = of_classes(mnist.train, (0, 1, 2), 500)
    ones = (clean.labels == 1).nonzero().squeeze(1)
    chosen = ones[torch.arange(len(ones)) % 10 > 0]
    pixels = clean.pixels.clone()
    waved = Stripes(amplitude=0.08)(clean[chosen].images())
    pixels[chosen] = (waved * 255).round().to(torch.uint8)
    found = filter_data(Samples(pixels, clean.labels.clone().index_fill_(0, chosen, 0)))
    assert found.removed[chosen].float().mean() >= 0.95
    assert found.removed.sum() <= len(chosen) + 10
