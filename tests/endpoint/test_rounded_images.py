"""Attacks through an endpoint that rounds images and scores."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from securemnist.attacks.base import Attack
from securemnist.attacks.refereed import attempt
from securemnist.attacks.square import Square
from securemnist.data import DataSet
from securemnist.endpoint.network import RemoteModel
from securemnist.referee import rule
from securemnist.results.findings import Verdict
from securemnist.threats import L2, Linf
from tests.endpoint.rows import context_of, judged
from tests.endpoint.service import Service

LEVEL = 1 / 255


def test_eps_below_one_level_is_not_run(service: Service, images: DataSet) -> None:
    """Where no changed image can be sent in 8 bits, a row would pass without an attack."""
    found = judged(context_of(service, images), threat={"norm": "linf", "eps": 0.9 * LEVEL})
    assert found.verdict is Verdict.NOT_RUN
    assert "less than one level" in found.reason


@dataclass(frozen=True, kw_only=True)
class OffLevels(Attack):
    """Proposes the image plus eps, between two levels of 8 bits."""

    black_box: ClassVar[bool] = True

    def propose(self, model: Any, x: Any, y: Any, **more: Any) -> Any:
        return (x + 0.3).clamp(0, 1)


def at_limit(x: np.ndarray) -> np.ndarray:
    """Class 1 where the brightness is above that of 0.2 plus 0.3, else class 0."""
    mean = x.reshape(len(x), -1).mean(1)
    table = np.full((len(x), 10), 0.01)
    table[np.arange(len(x)), (mean > 0.5001).astype(int)] = 0.91
    return table


def test_what_is_rounded_out_of_the_threat_does_not_count(
    service: Service, images: DataSet
) -> None:
    """0.2 + 0.3 is sent as 0.502: it changes the class, but is farther than 0.3 from the image."""
    service.classify = at_limit
    model = context_of(service, images).subject.model
    x, y = torch.full((3, 1, 8, 8), 51 / 255), torch.zeros(3, dtype=torch.long)
    off = x + 0.3
    assert (model(off).argmax(1) == 1).all()
    ruling = rule(model, x, y, off, norm="linf", eps=0.3)
    assert not ruling.fooled.any()
    rng = torch.Generator().manual_seed(0)
    proposals, ruling = attempt(OffLevels(), model, model, x, y, threat=Linf(0.3), rng=rng)
    assert ruling.valid.all()
    assert not ruling.fooled.any()
    assert proposals.max() == pytest.approx(127 / 255)


def test_l2_proposals_stay_in_the_threat(service: Service, images: DataSet) -> None:
    """Rounding leaves the proposals of an L2 attack inside the ball."""
    context = context_of(service, images)
    x, y = images.test[:20].images(), images.test[:20].labels
    model, rng = context.subject.model, torch.Generator().manual_seed(0)
    attack = Square(queries=20)
    proposals, ruling = attempt(attack, model, model, x, y, threat=L2(0.8), rng=rng)
    assert ruling.valid.all()
    assert ruling.fooled.any()
    assert (proposals * 255).round().sub(proposals * 255).abs().max() < 1e-4


def test_replayed_examples_are_rounded_first(service: Service, images: DataSet) -> None:
    """Stored examples of another model that lie between levels are moved inside, and then count."""
    from securemnist.evaluation.examples import Examples
    from securemnist.evaluation.replay import Replay

    context = context_of(service, images)
    moved = (images.test.images() + 0.05).clamp(0, 1).numpy()
    replay = Replay((Examples(np.arange(200), moved),))
    found = judged(
        dataclasses.replace(context, replay=replay), threat={"norm": "linf", "eps": 0.05}
    )
    assert found.measurement is not None
    first = found.measurement.evidence.waterfall[0]
    assert first.stage == "replay"
    assert first.fell > 10
    assert first.over_budget == 0


@pytest.mark.parametrize("decimals", [None, 1])
def test_square_moves_on_where_rounded_scores_are_equal(
    decimals: int | None, service: Service, images: DataSet
) -> None:
    """Scores of one decimal are equal over wide regions; steps without gain leave them."""
    service.decimals = decimals  # type: ignore[assignment]
    model = context_of(service, images).subject.model
    assert isinstance(model, RemoteModel)
    model.probe(images.test[:8].images())
    least = None if decimals is None else math.log(0.05)
    assert model.least_margin == least
    x, y = images.test[:40].images(), images.test[:40].labels
    found = {}
    for ties in (True, False):
        target = model if ties else _Exact(model)
        rng = torch.Generator().manual_seed(0)
        attack = Square(queries=30)
        _, ruling = attempt(attack, target, model, x, y, threat=Linf(0.06), rng=rng)
        found[ties] = int(ruling.fooled.sum())
    assert found[True] > found[False] if decimals else found[True] == found[False]


class _Exact(torch.nn.Module):
    """Another model, which does not say that its answers are rounded."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(x)
        return logits
