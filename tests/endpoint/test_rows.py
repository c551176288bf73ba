"""Rows measured through an endpoint: what counts, what is undecided, and what is not run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from securemnist import assessing
from securemnist.attacks import ATTACKS
from securemnist.attacks.base import Attack
from securemnist.attacks.refereed import attempt
from securemnist.attacks.square import Square
from securemnist.data import DataSet
from securemnist.endpoint import client as client_module
from securemnist.endpoint.network import RemoteModel
from securemnist.evaluation import ladder
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladders import BUDGETS
from securemnist.models.loading import Subject
from securemnist.referee import rule
from securemnist.results.findings import Finding, Verdict
from securemnist.threats import L2, Linf
from tests.endpoint.conftest import RANKED, table
from tests.endpoint.service import Reply, Service, by_brightness
from tests.requirement_builders import row

LEVEL = 1 / 255
FLAT = '{"instances": {"$images": {"as": "list", "layout": "HWC"}}}'


@pytest.fixture(scope="module")
def images() -> DataSet:
    """200 images of 8x8, of which the class is the brightness; a third of them near another class."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 10
    mean = (labels + 0.5 + rng.uniform(-0.4, 0.4, 200)) / 10
    x = np.clip(mean[:, None, None, None] + rng.uniform(-0.04, 0.04, (200, 1, 8, 8)), 0, 1)
    x = np.rint(x * 255) / 255
    labels = by_brightness(x).argmax(1)
    return DataSet.from_tensors(x.astype(np.float32), labels, classes=10, name="brightness")


def context_of(service: Service, images: DataSet, **more: Any) -> Context:
    """The context of the service, which reads bytes or floats; images of 8x8."""
    service.shape = (1, 8, 8)
    uint8 = more.pop("uint8", True)
    if uint8:
        honest = service.classify
        service.classify = lambda x: honest(x / 255)
    changes = {"request": FLAT} if uint8 else {"request": RANKED["request"]}
    description = table(service, **changes | more)
    model = RemoteModel(description, images.spec)
    subject = Subject(model, description.name, "endpoint.toml", "endpoint")
    return Context(subject, images)


def judged(context: Context, **settings: Any) -> Finding:
    """The finding of a robust_accuracy row: Square with 40 queries on 60 images, unless changed."""
    requirement = {key: settings.pop(key) for key in ("at_least", "measure") if key in settings}
    attack = {"use": "Square", "queries": 40}
    chosen = {"threat": {"norm": "linf", "eps": 0.01}, "attack": attack, "images": 60} | settings
    if requirement.get("measure", "robust_accuracy") != "robust_accuracy":
        chosen = settings
    return assessing.judge(context, row(settings=chosen, **{"at_least": 0.5} | requirement))


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


def test_spent_budget_leaves_images_out(
    service: Service, images: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images that were not queried do not count: the row has fewer, and the number is a sample."""
    monkeypatch.setattr(ladder, "REMOTE_CHUNK", 25)
    context = context_of(service, images, row_queries=2_000)
    measured = judged(context, images=200).measurement
    assert measured is not None
    assert measured.n % 25 == 0
    assert 25 <= measured.n < 200
    assert not measured.complete
    assert context.subject.remote is not None
    assert context.subject.remote.client.budget.row.queries <= 2_000
    unchecked = [doubt for doubt in measured.doubts if doubt.name == "unchecked"]
    assert unchecked, "the doubts had no queries left"


def test_budget_for_nothing_decides_nothing(service: Service, images: DataSet) -> None:
    """Where not even the first images can be queried, the row is INCONCLUSIVE."""
    found = judged(context_of(service, images, row_queries=100))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "budget of 100 queries is spent" in found.reason


@pytest.mark.parametrize("every", [4, 10_000])
def test_throttled_row_decides_nothing(
    every: int, service: Service, images: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above one throttled request in a hundred a pass is INCONCLUSIVE; a single one changes nothing."""
    monkeypatch.setattr(client_module, "_FIRST_WAIT", 0.001)
    context = context_of(service, images)
    begin = len(service.requests)
    throttled = Reply(429, b"", {"Retry-After": "0"})
    service.fault = lambda number, _body: throttled if (number - begin) % every == 1 else None
    monkeypatch.setattr("securemnist.endpoint.pace._FIRST_SLOWER", 0.0)
    found = judged(context)
    assert found.verdict is (Verdict.INCONCLUSIVE if every == 4 else Verdict.PASS)
    assert ("throttled" in found.reason) == (every == 4)


def test_broken_service_decides_nothing(
    service: Service, images: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that ends in the middle of a row leaves it INCONCLUSIVE, and breaks no image."""
    monkeypatch.setattr(client_module, "_FIRST_WAIT", 0.001)
    context = context_of(service, images, retries=1)
    begin = len(service.requests)
    service.fault = lambda number, _body: Reply(500) if number - begin > 10 else None
    found = judged(context, at_least=0.2)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "status 500" in found.reason


def test_answers_that_do_not_fit_are_an_error(service: Service, images: DataSet) -> None:
    """NaN in the middle of a row is an ERROR of the row, and no broken image."""
    context = context_of(service, images)
    begin = len(service.requests)
    bad = Reply(200, b'{"predictions": [[{"label": "1", "score": NaN}]]}')
    service.fault = lambda number, _body: bad if number - begin > 10 else None
    found = judged(context)
    assert found.verdict is Verdict.ERROR
    assert found.measurement is None


def test_another_model_behind_the_address_decides_nothing(
    service: Service, images: DataSet
) -> None:
    """A service whose answers change during a row leaves a pass INCONCLUSIVE."""
    context = context_of(service, images)
    begin, honest = len(service.requests), service.classify
    context.subject.model(images.test.images())  # known from here on

    def changed(number: int, _body: bytes) -> None:
        if number - begin > 30:
            service.classify = lambda x: honest(x * 0.5)

    service.fault = changed  # type: ignore[assignment]
    found = judged(context, at_least=0.01)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "another model" in found.reason


def test_varying_answers_decide_nothing(service: Service, images: DataSet) -> None:
    """Stored answers are equal, but doubts send images again and find that the answers vary."""
    rng = np.random.default_rng(0)
    service.classify = lambda x: by_brightness(x + rng.normal(0, 0.004, (len(x), 1, 1, 1)))
    context = context_of(service, images, uint8=False, batch=1)
    clean = judged(context, measure="clean_accuracy", at_least=0.3, images=50)
    assert clean.verdict is Verdict.INCONCLUSIVE
    assert "variation" in clean.reason
    found = judged(context, at_least=0.11)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "variation" in found.reason


def test_useless_attack_is_doubted(service: Service, images: DataSet) -> None:
    """Where an attack breaks nothing at an eps that reaches grey, its survivors do not pass."""
    service.labels = False
    context = context_of(service, images)

    @dataclass(frozen=True, kw_only=True)
    class Nothing(Attack):
        black_box: ClassVar[bool] = True

        def propose(self, model: Any, x: Any, y: Any, **more: Any) -> Any:
            return x

    ATTACKS["Nothing"] = Nothing
    try:
        found = judged(context, attack={"use": "Nothing"})
    finally:
        del ATTACKS["Nothing"]
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "large epsilon" in found.reason


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


def test_few_images_are_asked_for_a_clean_row(service: Service, images: DataSet) -> None:
    """A row on 30 images sends those, and the images of the doubts, but not the test set."""
    context = context_of(service, images)
    remote = context.subject.remote
    assert remote is not None
    found = judged(context, measure="clean_accuracy", images=30, at_least=0.3)
    assert found.verdict is Verdict.PASS
    distinct = remote.queries._stored
    assert len(distinct) < 80


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
    assert model.coarse == (decimals is not None)
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
