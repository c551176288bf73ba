"""Rows measured through an endpoint: what counts, and what is not run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from securemnist import assessing
from securemnist.data import DataSet
from securemnist.evaluation.doubts.endpoint_answers import ASKED
from securemnist.evaluation.ladders import BUDGETS
from securemnist.measures import bind, find
from securemnist.measures.endpoints import expected_queries
from securemnist.results.findings import Finding, Verdict
from tests.endpoint.rows import context_of, judged
from tests.endpoint.service import Service
from tests.requirement_builders import row

FIRST_LABEL = "$.predictions[*][0].label"


def test_survivors_pass_with_their_queries(service: Service, images: DataSet) -> None:
    """A pass names the queries an image, and is never a proof."""
    found = judged(context_of(service, images))
    assert found.label == "PASS (survived 40 queries an image)"
    assert not found.proved
    assert found.measurement is not None
    assert found.measurement.value > 0.6
    assert Finding.from_json(found.to_json()).label == found.label


def test_weak_service_fails(service: Service, images: DataSet) -> None:
    """At a large eps nearly all images are broken, by images that the service really got."""
    context = context_of(service, images)
    found = judged(context, threat={"norm": "linf", "eps": 0.15})
    assert found.verdict is Verdict.FAIL
    assert found.measurement is not None
    examples = found.measurement.examples
    assert len(examples) > 40
    levels = examples.images * 255
    np.testing.assert_allclose(levels, levels.round(), atol=1e-4)


WHITE_BOX = [
    ("certified_accuracy", {"threat": {"norm": "linf", "eps": 0.1}}, "a certificate"),
    (
        "certified_l2",
        {"threat": {"norm": "l2", "eps": 0.1}, "sigma": 0.25, "n": 500},
        "a certificate",
    ),
    (
        "robust_accuracy",
        {"threat": {"norm": "linf", "eps": 0.1}, "attack": {"use": "ladder"}},
        "FGSM needs gradients",
    ),
    (
        "attack_accuracy",
        {"threat": {"norm": "linf", "eps": 0.1}, "attack": {"use": "PGD", "steps": 4}},
        "PGD-4 needs gradients",
    ),
    ("clean_accuracy", {"randomised": True}, "randomised"),
]


@pytest.mark.parametrize(("measure", "settings", "words"), WHITE_BOX, ids=lambda v: str(v)[:30])
def test_rows_that_need_weights_are_not_run(
    measure: str, settings: dict[str, Any], words: str, service: Service, images: DataSet
) -> None:
    """A row that needs the network itself is NOT_RUN for want of weights, without a query."""
    context = context_of(service, images)
    count = len(service.requests)
    found = judged(context, measure=measure, **settings)
    assert found.verdict is Verdict.NOT_RUN
    assert found.reason.startswith("no weights")
    assert words in found.reason
    assert len(service.requests) == count


def test_latency_is_not_run(service: Service, images: DataSet) -> None:
    """Latency through an endpoint would time the way to it, or stored answers."""
    requirement = row(measure="latency_ratio", settings={}, at_least=None, at_most=2.0)
    found = assessing.judge(context_of(service, images), requirement)
    assert found.verdict is Verdict.NOT_RUN
    assert "latency" in found.reason


def test_ladders_of_answers(service: Service, images: DataSet) -> None:
    """The ladders for endpoints need no gradient, and ask more the later a stage comes."""
    for budget in ("black-box", "labels"):
        attacks = BUDGETS[budget].attacks
        assert all(attack.black_box for attack in attacks)
        costs = [attack.queries_per_image for attack in attacks]
        assert costs == sorted(costs)
        assert costs[0] > 0
    attack = {"use": "ladder", "budget": "labels"}
    found = judged(
        context_of(service, images), attack=attack, images=100, threat={"norm": "linf", "eps": 0.1}
    )
    assert found.measurement is not None
    assert [stage.stage for stage in found.measurement.evidence.waterfall] == [
        "transfer-20",
        "RayS-1000",
    ]
    assert found.verdict is Verdict.FAIL
    # For images of 8x8 there is nothing to transfer from, so that nothing was asked for it.
    assert found.measurement.queries_per_image == 1000


def test_surrogate_keeps_its_word_about_queries(service: Service, images: DataSet) -> None:
    """A surrogate of labels breaks most images, with no more queries than were announced."""
    context = context_of(service, images, scores=None, labels=FIRST_LABEL)
    attack = {"use": "Surrogate", "examples": 80, "rounds": 2, "updates": 60, "steps": 5}
    settings = {"threat": {"norm": "linf", "eps": 0.1}, "attack": attack, "images": 60}
    measure = find("robust_accuracy")
    assert measure is not None
    announced = expected_queries(measure, bind("robust_accuracy", settings), context)
    found = judged(context, **settings)
    assert found.verdict is Verdict.FAIL
    assert found.measurement is not None
    # Three about the image itself, and its share of two rounds of 80 others.
    assert found.measurement.queries_per_image == 3 + 3
    assert context.subject.remote is not None
    assert 200 < context.subject.remote.client.budget.row.queries <= announced


def test_few_images_are_asked_for_a_clean_row(service: Service, images: DataSet) -> None:
    """A row on 30 images sends those, and the images of the doubts, but not the test set."""
    context = context_of(service, images)
    remote = context.subject.remote
    assert remote is not None
    found = judged(context, measure="clean_accuracy", images=30, at_least=0.3)
    assert found.verdict is Verdict.PASS
    distinct = remote.queries._stored
    assert len(distinct) < 80 + ASKED.memory
