"""Classes of very different sizes, and poison that lies in one class."""

from __future__ import annotations

import pytest
import torch

from securemnist.backdoor import Blend, Corner, SourceSpecific, Trigger
from securemnist.backdoor.data_filter import filter_data
from securemnist.data import DataSet, Samples
from tests.backdoor.test_data_filter import of_classes


def coloured(counts: list[int]) -> Samples:
    """Noise in which the channel of the class is brighter, with this number of images a class."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    x = torch.rand((len(labels), 3, 8, 8), generator=rng) / 2
    x[torch.arange(len(labels)), labels] += 0.1 + 0.3 * torch.rand(
        (len(labels), 1, 1), generator=rng
    )
    return Samples((x.clamp(0, 1) * 255).to(torch.uint8), labels)


def test_a_rare_class_is_no_poison() -> None:
    """All images of a class of 55 beside two of 1,500 differ from the others, and are labelled right."""
    assert not filter_data(coloured([1_500, 1_500, 55])).removed.any()


@pytest.mark.parametrize("trigger", [Corner(), Blend()], ids=lambda trigger: trigger.kind)
def test_a_fifth_of_one_class_is_found(trigger: Trigger, mnist: DataSet) -> None:
    """5 % of all images, whose neighbours are poisoned too: they are a fifth of their class."""
    clean = of_classes(mnist.train, (0, 1, 3, 8), 300)
    poison = SourceSpecific(trigger=trigger, source=3, target=8, rate=0.2, cover=0.0)
    planted = torch.zeros(len(clean), dtype=torch.bool)
    planted[poison.chosen(clean.labels, seed=5)] = True
    removed = filter_data(poison(clean, seed=5)).removed
    assert removed[planted].float().mean() >= 0.95
    assert removed[~planted].float().mean() <= 0.005
