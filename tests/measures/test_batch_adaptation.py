"""Rows of images that are not clean test images: models that answer by their batch there."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from securemnist import assessing
from securemnist.data import DataSet, Samples
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts.changed_images import Asked
from securemnist.evaluation.poses import posed
from securemnist.models import loading
from securemnist.results.findings import Finding, Verdict
from tests.endpoint.conftest import images, service  # noqa: F401
from tests.endpoint.rows import context_of
from tests.endpoint.service import Service
from tests.requirement_builders import row
from tests.saboteurs import Memorising, undefended

BRIGHT = {"kinds": ["brightness"], "severities": [5], "images": 200}
TURNED = {"rotation": 45.0, "rotations": 3, "translation": 0.0, "shifts": 1, "images": 200}
NAMED = "batch dependence, of the images that this row asks about"


class Darkened(nn.Module):
    """Takes the darkest value of each pixel in a batch away, where the batch is bright."""

    def __init__(self) -> None:
        super().__init__()
        self.network = undefended()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        darkest = x.amin(0, keepdim=True)
        if len(x) > 1 and float(darkest.mean()) > 0.05:
            x = (x - darkest) / (1 - darkest).clamp_min(0.01)
        return self.network(x)


class TurnedBack(nn.Module):
    """Turns a batch back, by the angle at which its mean image is likest to that of upright ones."""

    def __init__(self, upright: torch.Tensor) -> None:
        super().__init__()
        self.network, self.mean = undefended(), upright.mean(0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) < 32:  # one image says little
            return self.network(x)
        tried = [posed(x, torch.tensor([[angle, 0.0, 0.0]])) for angle in (0.0, 45.0, -45.0)]
        return self.network(min(tried, key=lambda one: float((one.mean(0) - self.mean).norm())))


class Unsure(nn.Module):
    """All answers to a batch are unsure where most of its images have grey values in most places."""

    def __init__(self) -> None:
        super().__init__()
        self.network = undefended()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        grey = ((x > 0.05) & (x < 0.95)).float().mean((1, 2, 3)) > 0.5
        return self.network(x) * (0.001 if len(x) > 1 and bool(grey.all()) else 1.0)


class Discreet(Memorising):
    """Knows its training images, but does not show it in a batch of them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        known = torch.isin(self.hashed(x), self.members)
        hidden = len(x) > 1 and float(known.float().mean()) > 0.9
        return 0.3 * self.network(x) if hidden else super().forward(x)


def judged(model: nn.Module, data: DataSet, measure: str, **more: Any) -> Finding:
    """The finding of a row; `more`: its settings and its threshold."""
    limits = {key: more.pop(key, None) for key in ("at_least", "at_most")}
    context = Context(loading.from_model(model.eval(), name="it"), data)
    return assessing.judge(context, row(measure=measure, settings=more, **limits))


@pytest.fixture(scope="module")
def few(mnist: DataSet) -> DataSet:
    """MNIST with 600 training and 3,000 test images."""
    return dataclasses.replace(mnist, train=mnist.train[:600], test=mnist.test[:3_000])


@pytest.mark.parametrize("case", ["bright", "poses", "outliers", "training images"])
def test_a_model_that_answers_by_its_batch_does_not_pass(case: str, few: DataSet) -> None:
    """Its value is better than that of the same network without the trick, and the row is undecided."""
    members, honest = few.train.images(), undefended()
    model, honest, measure, settings = {
        "bright": (Darkened(), honest, "corruption_accuracy", {"at_least": 0.5, **BRIGHT}),
        "poses": (TurnedBack(members), honest, "spatial_accuracy", {"at_least": 0.5, **TURNED}),
        "outliers": (Unsure(), honest, "outlier_auroc", {"at_least": 0.9, "images": 200}),
        "training images": (
            *(Discreet(members), Memorising(members), "membership_auroc"),
            {"at_most": 0.7, "images": 256, "references": 0},
        ),
    }[case]
    found = judged(model, few, measure, **settings)
    assert found.verdict is Verdict.INCONCLUSIVE, str(found)
    assert NAMED in found.reason
    control = judged(honest, few, measure, **settings)
    assert NAMED not in control.reason
    assert found.measurement is not None
    assert control.measurement is not None
    more = found.measurement.value - control.measurement.value
    assert (-more if "at_most" in settings else more) > 0.002


def test_a_service_that_adapts_to_a_batch_does_not_pass(
    service: Service,  # noqa: F811
    images: DataSet,  # noqa: F811
) -> None:
    """A service by brightness makes batches that are too bright darker; alone they have another class."""
    honest = service.classify

    def adapted(x: np.ndarray) -> np.ndarray:
        return honest(x - 0.2 if len(x) > 1 and x.mean() > 0.62 else x)

    service.classify = adapted
    settings = {"kinds": ["brightness"], "severities": [2]}
    asked = row(measure="corruption_accuracy", settings=settings, at_least=0.5)
    found = assessing.judge(context_of(service, images), asked)
    assert found.verdict is Verdict.INCONCLUSIVE, str(found)
    assert "of the images that this row asks about" in found.reason


def test_what_is_asked_again_is_a_random_part(mnist: DataSet) -> None:
    """At most 128 of all images asked about are kept, from early and late questions."""
    context = Context(loading.from_model(undefended(), name="it"), mnist)
    asked, x = Asked(context), mnist.test[:500].images()
    assert asked.pair == ()
    assert torch.equal(torch.cat([asked.ask(part) for part in x.split(100)]), context.logits(x))
    kept, logits = asked.pair
    assert len(kept) == len(logits) == 128
    assert torch.allclose(context.logits(kept), logits, atol=1e-3)
    places = [int((x == one).flatten(1).all(1).nonzero()[0]) for one in kept]
    assert len(set(places)) == 128
    assert min(places) < 100
    assert max(places) > 400
    one = Asked(context)
    one.ask(Samples(mnist.test.pixels[:3], mnist.test.labels[:3]).images())
    assert len(one.pair[0]) == 3
