"""Certified radius and nearest adversarial image, on networks whose true distances are known."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import pytest
import torch
from torch import nn

from securemnist.data import DataSet
from securemnist.errors import MeasureError, NoCertificate
from securemnist.evaluation.context import Context
from securemnist.models.loading import Subject
from securemnist.serve.page.certified_radius import LARGEST, certified_radius
from securemnist.serve.page.laboratory import Laboratory
from securemnist.serve.page.nearest import Nearest, nearest
from securemnist.serve.service import ServedModel

GREY = torch.full((1, 1, 8, 8), 0.5)
RADIUS = 0.1


def line(radius: float = RADIUS) -> nn.Module:
    """Two classes and a plane at this L-infinity distance from uniform grey, which is class 1."""
    layer = nn.Linear(64, 2)
    signs = 1.0 - 2 * (torch.arange(64.0) % 2)
    layer.weight.data = torch.stack([torch.zeros(64), signs])
    layer.bias.data = torch.tensor([0.0, 64 * radius])
    return nn.Sequential(nn.Flatten(), layer).eval()


class Varying(nn.Module):
    """Answers that differ from call to call."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.randn(len(x), 2)


class Sorting(nn.Module):
    """An operation without known bounds."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1).sort(1).values[:, [0, -1]]


class Slow(nn.Module):
    """The plane, after 20 ms of work."""

    def __init__(self) -> None:
        super().__init__()
        self.line = line()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        end = time.thread_time() + 0.02
        while time.thread_time() < end:
            pass
        return self.line(x)


def data() -> DataSet:
    images = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return DataSet.from_tensors(images, torch.arange(20) % 2)


def context(model: nn.Module) -> Context:
    for weights in model.parameters():
        weights.requires_grad_(False)
    return Context(Subject(model, "line", "", "Sequential"), data(), doubts=())


def finished(steps: Generator[None, None, Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_proved_below_and_found_above_the_true_distance() -> None:
    """The certified radius is at most the distance of the plane, the attack's at least; both are near."""
    known = context(line())
    proved = finished(certified_radius(known, GREY, 1, 10))
    found = finished(nearest(known, GREY, 1, 10))
    assert 0.97 * RADIUS < proved < RADIUS
    assert RADIUS <= found.distance < 1.04 * RADIUS
    assert found.prediction == 0


def test_found_image_is_as_far_as_stated() -> None:
    """The distance is that of the image, which the model alone misclassifies."""
    known = context(line())
    found: Nearest = finished(nearest(known, GREY, 1, 10))
    assert float((found.image.double() - 0.5).abs().max()) == found.distance
    assert int(known.subject.model(found.image).argmax(1)) == 0


def test_constant_model_has_no_adversarial_image() -> None:
    """A model with one answer is proved as far as is tried, and nothing is found."""
    known = context(line(100.0))
    assert finished(nearest(known, GREY, 1, 10)) is None
    assert finished(certified_radius(known, GREY, 1, 10)) > 0.97 * LARGEST


@pytest.mark.parametrize("model", [Varying(), Sorting()], ids=["varying", "no-bounds"])
def test_no_certificate_without_bounds(model: nn.Module) -> None:
    """Random answers, and an operation without known bounds, have no certificate."""
    with pytest.raises(NoCertificate):
        finished(certified_radius(context(model), GREY, 1, 10))


def test_attack_ends_in_time() -> None:
    """An attack on a slow model ends at its time, with the nearest image until then or none."""
    known = context(Slow())
    assert known.target is known.subject.model
    began = time.thread_time()
    found = finished(nearest(known, GREY, 1, 0.5))
    assert time.thread_time() - began < 2
    assert found is None or found.distance >= RADIUS


def test_searches_give_way() -> None:
    """Both searches yield several times, so that images are classified between their steps."""
    known = context(line())
    assert len(list(certified_radius(known, GREY, 1, 10))) > 5
    assert len(list(nearest(known, GREY, 1, 10))) > 5


def test_contradiction_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adversarial image within the certified radius of the same image is reported, not shown."""
    model = ServedModel("line", line(), data().spec, "d" * 64)
    laboratory = Laboratory((model,), data())
    monkeypatch.setattr(
        "securemnist.serve.page.laboratory.certified_radius", lambda *_: _returned(0.4)
    )
    assert finished(laboratory.radius(model, GREY, 1)) == 0.4
    with pytest.raises(MeasureError, match=r"within the certified 0\.4"):
        finished(laboratory.attack(model, GREY, 1))
    assert finished(laboratory.attack(model, GREY * 0.99, 1)) is not None


def _returned(value: float) -> Generator[None, None, float]:
    yield
    return value


def test_models_of_another_form_are_left_out() -> None:
    """Only models whose images and classes are those of the first are shown."""
    spec = data().spec
    other = ServedModel("other", line(), type(spec)(1, 8, 9, 2), "e" * 64)
    models = ServedModel("line", line(), spec, "d" * 64), other
    assert [model.name for model in Laboratory(models, data()).models] == ["line"]
