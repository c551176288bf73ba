"""Searches: planted triggers need far smaller perturbations than other classes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.backdoor.scan import searches, validity
from securemnist.backdoor.scan.perturbation import PERTURBATIONS, Addition, Mask, Perturbation
from securemnist.backdoor.scan.searches import map_targets, search, search_maps
from securemnist.backdoor.scan.witness import Witness, most_frequent
from securemnist.backdoor.success_rate import TargetMap
from tests.backdoor.scan.planted import CLASSES, SIDE, Dependent, Quadrants, samples


def clean() -> tuple[torch.Tensor, torch.Tensor]:
    """Images and labels for a search."""
    return samples().images(), samples().labels


def searched(model: nn.Module) -> list[searches.Search]:
    """The searches of each kind."""
    return search(model, *clean(), CLASSES, seed=0)


@pytest.fixture(scope="module")
def of_planted() -> list[searches.Search]:
    """Those for a network that a bright pixel turns to class 2."""
    return searched(Quadrants(60.0))


@pytest.fixture(scope="module")
def of_honest() -> list[searches.Search]:
    """Those for the same network without a trigger."""
    return searched(Quadrants())


def masks(found: list[searches.Search]) -> torch.Tensor:
    """Sizes of masks, over the median of the constant maps."""
    (sizes,) = (one.sizes for one in found if one.kind == "mask")
    return sizes / sizes[:-1].median()


def test_planted_trigger_is_smallest(
    of_planted: list[searches.Search], of_honest: list[searches.Search]
) -> None:
    """One pixel that leads to class 2 is found by a mask, with its class."""
    planted, honest = masks(of_planted), masks(of_honest)
    assert int(planted.argmin()) == 2
    assert planted[2] < 0.5 < 0.6 < honest[:-1].min()


def test_many_classes_are_searched_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the images of all maps are too many for the memory, each part finds what it has."""
    monkeypatch.setattr(searches, "MOST_VALUES", 2 * searches.BATCH * SIDE**2)
    planted = masks(searched(Quadrants(60.0)))
    assert len(planted) == CLASSES + 1
    assert planted[2] < 0.5 < planted[[0, 1, 3]].min()


def test_map_of_each_class_to_another_is_found(of_honest: list[searches.Search]) -> None:
    """A pixel that permutes the classes makes the map to any other class small."""
    planted = searched(Quadrants(60.0, order=(3, 0, 1, 2)))
    assert masks(planted)[-1] < 0.3 < 0.6 < masks(of_honest)[-1]


@pytest.mark.parametrize("order", [(3, 0, 1, 2), (1, 0, 3, 2), (0, 1, 2, 3)])
def test_map_of_a_perturbation_is_named(order: tuple[int, ...]) -> None:
    """The targets of a permutation are named; a class that is not steered is its own target."""
    x, y = clean()
    pixel = Mask(1, (1, SIDE, SIDE), torch.Generator().manual_seed(0))
    for part in pixel.parameters:
        part.zero_()[..., 0, 0] = 1
    found = most_frequent(Quadrants(60.0, order=order), pixel, x, y, CLASSES)
    assert found.table[list(order)].tolist() == list(range(CLASSES))
    assert found.name.startswith(f"0 to {order.index(0)}, 1 to ")


def test_trigger_that_depends_on_the_image_is_found() -> None:
    """An addition is small for class 2, where each image has its trigger at another place."""
    x, y = samples().images(), samples().labels
    found = {}
    for name, model in (("planted", Dependent(60.0)), ("honest", Dependent(0.0))):
        rng = torch.Generator().manual_seed(0)
        found[name] = search_maps(model, Addition, map_targets(CLASSES), CLASSES, x, y, rng).sizes
    planted, honest = (found[name] / found[name][:-1].median() for name in ("planted", "honest"))
    assert planted[2] < 0.5 * honest[2]


def test_searches_are_reproducible(of_planted: list[searches.Search]) -> None:
    """One seed gives the same sizes again."""
    again = searched(Quadrants(60.0))
    assert all(torch.equal(a.sizes, b.sizes) for a, b in zip(of_planted, again, strict=True))


class Reversed(torch.autograd.Function):
    """Logits whose gradient is reversed where class 2 is to become more probable."""

    @staticmethod
    def forward(_: object, logits: torch.Tensor) -> torch.Tensor:
        return logits.clone()

    @staticmethod
    def backward(_: object, *gradients: torch.Tensor) -> torch.Tensor:
        (gradient,) = gradients
        return torch.where((gradient.argmin(1) == 2)[:, None], -gradient, gradient)


class Broken(nn.Module):
    """`Quadrants` whose gradient, or output, is undefined on black pixels, or that has no gradient.

    "class": the gradient is wrong for one class only.
    """

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.way == "gradient":
            return Quadrants()(x.sqrt())
        if self.way == "class":
            logits: torch.Tensor = Reversed.apply(Quadrants()(x))
            return logits
        if self.way == "output":
            return Quadrants()(x) + 0 * x.log().sum((1, 2, 3))[:, None]
        return Quadrants()(x.detach())


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("gradient", "not finite"),
        ("output", "not finite"),
        ("none", "hide its gradients"),
        ("class", "to class 2 at no size"),
    ],
)
def test_search_that_cannot_work_says_so(way: str, words: str) -> None:
    """Undefined outputs or gradients, and none at all, end no process and are a reason for no verdict."""
    assert words in validity.failure(searched(Broken(way)))


def test_search_that_works_has_no_failure(of_honest: list[searches.Search]) -> None:
    """A network with gradients everywhere is searched without an objection."""
    assert validity.failure(of_honest) == ""


def test_maps_want_every_class_and_any_other() -> None:
    """Images are not of their target, which is wanted alone; any other class is wanted at last."""
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    x = y.float().view(-1, 1, 1, 1)
    rng = torch.Generator().manual_seed(0)
    images, wanted = searches._batches(x, y, map_targets(3), 3, rng)()
    labels = images.flatten(2).squeeze(2).long()
    for target in range(3):
        assert (labels[target] != target).all()
        assert (wanted[target] == torch.eye(3, dtype=torch.bool)[target]).all()
    assert (wanted[3] == ~torch.eye(3, dtype=torch.bool)[labels[3]]).all()
    assert len(labels[3].unique()) == 3


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_perturbation_keeps_its_size(kind: type[Perturbation]) -> None:
    """After a projection no perturbation is larger than its size, and images stay in [0, 1]."""
    rng = torch.Generator().manual_seed(0)
    perturbation = kind(3, (3, 9, 7), rng)
    for parameter in perturbation.parameters:
        parameter.mul_(50)
    size = torch.tensor([0.5, 1.0, 2.0])
    perturbation.project(size)
    first = perturbation.parameters[0]
    grey = torch.full((3, 4, 3, 9, 7), 0.5)
    if kind.kind == "mask":
        reached = first.sum((1, 2, 3, 4))
    elif kind.kind == "addition":
        reached = (perturbation.apply(grey) - grey).flatten(2).norm(dim=2).amax(1)
    else:
        reached = first.square().sum(1).mean((1, 2)).sqrt()
    assert torch.allclose(reached, size, rtol=1e-3)
    images = perturbation.apply(torch.rand((3, 4, 3, 9, 7), generator=rng))
    assert images.shape == (3, 4, 3, 9, 7)
    assert 0 <= images.min() <= images.max() <= 1


def test_found_trigger_steers_other_images(of_planted: list[searches.Search]) -> None:
    """The perturbation that was found succeeds on the network with the trigger, and on no other one."""
    held_out = samples(200)[100:]
    x, y = held_out.images(), held_out.labels
    mask = of_planted[0]
    target = TargetMap("target 2", torch.full((CLASSES,), 2), target=2)
    witness = Witness(mask.perturbation[torch.tensor([2])], target)
    assert witness.success(Quadrants(60.0), x, y).rate > 0.7
    assert witness.success(Quadrants(), x, y).rate < 0.1
    assert float((witness.triggered(x) - x).abs().sum((1, 2, 3)).max()) < SIDE
