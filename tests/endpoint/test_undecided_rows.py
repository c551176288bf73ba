"""Rows measured through an endpoint: what leaves them undecided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from securemnist.attacks import ATTACKS
from securemnist.attacks.base import Attack
from securemnist.data import DataSet
from securemnist.endpoint import client as client_module
from securemnist.evaluation import ladder
from securemnist.results.findings import Verdict
from tests.endpoint.rows import context_of, judged
from tests.endpoint.service import Reply, Service, by_brightness


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


def change_after(service: Service, requests: int) -> None:
    """Let another model answer after so many further requests."""
    begin, honest = len(service.requests), service.classify

    def changed(number: int, _body: bytes) -> None:
        if number - begin > requests:
            service.classify = lambda x: honest(x * 0.5)

    service.fault = changed  # type: ignore[assignment]


def test_another_model_behind_the_address_decides_nothing(
    service: Service, images: DataSet
) -> None:
    """A service whose answers change during a row leaves a pass INCONCLUSIVE."""
    context = context_of(service, images)
    change_after(service, 30)
    context.subject.model(images.test.images())  # known from here on
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


def one_hot(x: np.ndarray) -> np.ndarray:
    """Scores of 1 for the class, and of 0 for the others."""
    return np.eye(10)[by_brightness(x).argmax(1)]


def test_one_hot_answers_are_compared(service: Service, images: DataSet) -> None:
    """Scores without a decimal differ by 1, which is no rounding: a changed model is found."""
    service.classify = one_hot
    context = context_of(service, images)
    change_after(service, 60)
    found = judged(context, at_least=0.01)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason


def test_one_hot_answers_that_vary_decide_nothing(service: Service, images: DataSet) -> None:
    """The class that is answered for one image changes by chance, and its score by 1."""
    rng = np.random.default_rng(0)
    service.classify = lambda x: one_hot(x + rng.normal(0, 0.03, (len(x), 1, 1, 1)))
    context = context_of(service, images, uint8=False, batch=1)
    found = judged(context, measure="clean_accuracy", at_least=0.2, images=50)
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
