"""The search for triggers that are not known: small masks are found, others are no triggers."""

from __future__ import annotations

import pytest
import torch

from securemnist.backdoor.repair import begun
from securemnist.backdoor.repair.trigger_search import FoundTrigger, find_triggers
from securemnist.data import Samples
from tests.backdoor.scan.planted import Quadrants, samples


def search(model: torch.nn.Module, clean: Samples | None = None) -> list[FoundTrigger]:
    """What the search finds with clean images."""
    return find_triggers(begun(model, samples() if clean is None else clean))


def test_a_planted_pixel_is_found() -> None:
    """All found masks lead to the class of the planted pixel, for most images that were not searched."""
    model, held_out = Quadrants(60.0), samples(200)[100:]
    found = search(model)
    assert {one.target for one in found} == {2}
    for one in found:
        assert one.size < 20
        assert one.ratio < 0.6
        assert float((model(one(held_out.images())).argmax(1) == 2).float().mean()) > 0.6


def test_a_network_without_a_backdoor_has_no_trigger() -> None:
    """Where all classes need masks of similar size, nothing is found."""
    assert search(Quadrants()) == []


def test_masks_are_tried_at_three_strengths() -> None:
    """The mask is taken as it is, twice and four times, at most 1; the found one is not changed."""
    found = search(Quadrants(60.0))[0]
    mask = found.mask.parameters[0].clone()
    strengths = [one.mask.parameters[0] for one in found.at_strengths()]
    for factor, part in zip((1, 2, 4), strengths, strict=True):
        assert torch.allclose(part, (factor * mask).clamp(max=1))
    assert torch.equal(found.mask.parameters[0], mask)


class NotFinite(Quadrants):
    """`Quadrants` whose outputs are not a number."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * torch.nan


@pytest.mark.parametrize("model", [Quadrants(60.0), NotFinite()], ids=["one class", "no numbers"])
def test_a_search_that_cannot_work_finds_nothing(model: Quadrants) -> None:
    """Clean images of a single class, and outputs that are not finite, end no search with an error."""
    clean = samples()[torch.arange(2, 80, 4)]
    assert search(model, clean if model.strength else None) == []
