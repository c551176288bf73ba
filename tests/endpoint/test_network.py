"""The network of an endpoint: logits of what was sent, stored answers, bounded batches."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
import torch

from securemnist.endpoint.network import RemoteModel
from securemnist.errors import ModelError, NoAnswer
from securemnist.input_spec import MNIST, InputSpec
from securemnist.models import loading
from securemnist.models.loading import Subject
from tests.endpoint.conftest import png, remote, table
from tests.endpoint.service import Reply, Service, by_brightness, of_network
from tests.error_form import one_sentence

X = torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * torch.linspace(
    0.1, 2, 40
).view(-1, 1, 1, 1)
X = X.clamp(0, 1)


def test_logits_are_those_of_the_served_network(service: Service, baseline: Subject) -> None:
    """Behind JSON with floats and batches, classes and probabilities are those of the network itself."""
    service.classify = of_network(baseline.model)
    logits = remote(table(service, batch=16))(X)
    with torch.no_grad():
        expected = baseline.model(X).double().softmax(1)
    torch.testing.assert_close(logits.softmax(1), expected, atol=1e-6, rtol=1e-5)
    assert logits.shape == (40, 10)
    assert not logits.requires_grad


@pytest.mark.parametrize("scale", [1e-13, 1e-60, 1e-280])
def test_small_scores_keep_their_order(scale: float, service: Service) -> None:
    """Scores below every usual probability name the class that the service answers, not the first one."""
    service.classify = lambda x: scale * by_brightness(x)
    logits = remote(table(service, kind="probabilities"))(X)
    assert logits.argmax(1).tolist() == by_brightness(X.numpy()).argmax(1).tolist()


@pytest.mark.parametrize("kind", ["auto", "probabilities"])
def test_later_scores_that_are_no_probabilities(kind: str, service: Service) -> None:
    """Negative scores after probabilities are an error of one sentence, and no answer."""
    model = remote(table(service, kind=kind))
    model.probe(X[:8])
    service.classify = lambda x: by_brightness(x) - 2
    with pytest.raises(ModelError, match="as in its first answers") as caught:
        model(X[8:])
    one_sentence(caught.value)


def test_later_scores_that_are_all_small(service: Service) -> None:
    """Scores of which none is above 0, after ones that sum to 1, are an error, and no answer."""
    model = remote(table(service))
    model.probe(X[:8])
    service.classify = lambda x: 0 * by_brightness(x)
    with pytest.raises(ModelError, match="as in its first answers"):
        model(X[8:])


def test_png_is_what_the_service_reads(service: Service) -> None:
    """`as_sent` is what the service computes with, and logits are those of it."""
    read: list[np.ndarray] = []
    service.classify = lambda x: by_brightness(read.append(x) or x)  # type: ignore[func-returns-value]
    model = remote(png(service))
    model.probe(X[:1])
    read.clear()
    x = X[[1, 10, 30]]  # darker to brighter
    logits, sent = model(x), model.as_sent(x)
    np.testing.assert_allclose(np.concatenate(sorted(read, key=np.sum)), sent, atol=1e-7)
    assert (sent - x).abs().max() > 1e-4
    np.testing.assert_allclose(logits.softmax(1), by_brightness(sent.numpy()), atol=1e-6)


def test_labels_become_the_largest_logit(service: Service) -> None:
    """Where only labels are answered, the label has the largest logit and the others are equal."""
    service.labels = True
    logits = remote(png(service))(X)
    assert logits.argmax(1).tolist() == by_brightness(X.numpy()).argmax(1).tolist()
    assert (logits.sort(1).values[:, :-1] == logits.min()).all()


def test_images_are_sent_once(service: Service) -> None:
    """An image is sent once in a run, also where it is twice in a batch; the order is kept."""
    model = remote(table(service, batch=8))
    model.probe(X[:1])
    before = sum(service.sizes)
    twice = torch.cat([X[:12], X[:12].flip(0)])
    logits = model(twice)
    assert sum(service.sizes) - before == 12 - 1  # the probe's image is known
    torch.testing.assert_close(logits[:12], logits[12:].flip(0), atol=0, rtol=0)
    assert model.counts.cached >= 12
    model(twice)
    assert sum(service.sizes) - before == 11


def test_fresh_sends_again(service: Service) -> None:
    """Inside `fresh` stored answers are not used; behind it they are again."""
    model = remote(table(service))
    first = model(X[:4])
    service.classify = lambda x: by_brightness(1 - x)
    assert torch.equal(model(X[:4]), first)
    with model.fresh():
        assert not torch.equal(model(X[:4]), first)
    assert torch.equal(model(X[:4]), first)


def test_requests_at_once_are_bounded(service: Service) -> None:
    """At most `concurrency` requests are under way, and all images get their own answer."""
    now, most, lock = 0, 0, threading.Lock()

    def slow(x: np.ndarray) -> np.ndarray:
        return by_brightness(x)

    def fault(_number: int, _body: bytes) -> Reply | None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        threading.Event().wait(0.02)
        with lock:
            now -= 1
        return None

    service.classify = slow
    model = remote(table(service, batch=2, concurrency=3))
    model.probe(X[:2])
    service.fault, most = fault, 0
    logits = model(X)
    assert most == 3
    np.testing.assert_allclose(logits.softmax(1), by_brightness(X.numpy()), atol=1e-4)


def test_error_ends_all_requests(service: Service) -> None:
    """After a request without an answer the rest is not sent, and nothing is returned."""
    model = remote(table(service, batch=1, concurrency=2, retries=0))
    model.probe(X[:1])
    count = len(service.requests)
    service.fault = lambda _number, _body: Reply(500)
    with pytest.raises(NoAnswer):
        model(X)
    assert len(service.requests) - count < 10


@pytest.mark.parametrize(
    "content", [b"{}", b'{"predictions": [[{"label": "1", "score": 0.5}]]}', b"NaN", b""], ids=repr
)
def test_answer_of_another_form_is_no_prediction(content: bytes, service: Service) -> None:
    """An answer that does not fit is an error of the model, at the probe and later."""
    model = remote(table(service))
    service.fault = lambda _number, _body: Reply(200, content)
    with pytest.raises(ModelError):
        model(X[:2])
    service.fault = lambda _number, _body: None
    model(X[:2])
    service.fault = lambda _number, _body: Reply(200, content)
    with pytest.raises(ModelError):
        model(X[2:4])


def test_spec_of_an_endpoint(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address is a SPEC: one model in a process, without weights, of the served classes."""
    monkeypatch.delenv("SECUREMNIST_KEY", raising=False)
    subject = loading.resolve(service.model)
    assert subject.model is loading.resolve(service.model).model
    record = subject.to_json()
    assert (record["parameters"], record["architecture"]) == (0, "endpoint")
    assert subject.digest == loading.resolve(service.model).digest
    assert subject.remote is not None
    assert subject.remote.levels == 255
    service.datatype = "FP32"
    assert loading.resolve(service.model).remote.levels is None  # type: ignore[union-attr]
    np.testing.assert_allclose(
        subject.model(X).softmax(1), by_brightness((X * 255).round().numpy() / 255), atol=1e-6
    )


def test_metadata_that_do_not_fit_are_refused(service: Service) -> None:
    """Images of another shape, or other classes, are refused before anything is sent."""
    for spec in (InputSpec(3, 28, 28, 10), InputSpec(1, 32, 32, 10), InputSpec(1, 28, 28, 7)):
        with pytest.raises(ModelError, match=r"expected (an|one) (input|output)"):
            loading.resolve(service.model, input_spec=spec)
    service.labels = True
    assert loading.resolve(service.model, input_spec=InputSpec(1, 28, 28, 7)).remote is not None
    assert not service.requests


HOSTILE: tuple[object, ...] = (
    [],
    {},
    {"inputs": 5, "outputs": "x"},
    {"inputs": [{"datatype": ["UINT8"], "shape": [-1, 1, 28, 28]}], "outputs": []},
    {"inputs": [{"datatype": "UINT8", "shape": [-1, [1], 28, 28]}], "outputs": []},
    {"inputs": [{"datatype": "BYTES", "shape": [-1, 1, 28, 28]}], "outputs": []},
    {"inputs": [{"datatype": "UINT8", "shape": [-1, 1, 28, 28]}], "outputs": [5, {"shape": 7}]},
    {"inputs": 2 * [{"datatype": "UINT8", "shape": [-1, 1, 28, 28]}], "outputs": []},
)


@pytest.mark.parametrize("metadata", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_metadata_are_refused(metadata: object, service: Service) -> None:
    """Metadata of any other form are refused in one sentence."""
    service.metadata = lambda: Reply(200, json.dumps(metadata).encode())  # type: ignore[method-assign]
    with pytest.raises(ModelError) as caught:
        loading.resolve(service.model)
    one_sentence(caught.value)


def test_wrong_number_of_class_names_is_refused(service: Service) -> None:
    """`classes` names each class of the data."""
    with pytest.raises(ModelError, match="expected 10 names"):
        remote(table(service, classes=["a", "b"]))


def test_other_order_of_class_names_is_refused(service: Service) -> None:
    """`classes` with the names of the data at other labels would give a label another class."""
    spec = InputSpec(1, 28, 28, 3, ("cat", "dog", "hen"))
    with pytest.raises(ModelError, match="in the order of the data, cat, dog, hen") as caught:
        RemoteModel(table(service, classes=["hen", "cat", "dog"]), spec)
    one_sentence(caught.value)
    for names in (["cat", "dog", "hen"], ["Katze", "Hund", "Huhn"]):
        RemoteModel(table(service, classes=names), spec)


def test_bearer_token_of_the_protocol(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """SECUREMNIST_KEY is sent as a bearer token."""
    monkeypatch.setenv("SECUREMNIST_KEY", "another secret key")
    model = loading.resolve(service.model, input_spec=MNIST).model
    model(X[:1])
    assert service.headers[-1]["Authorization"] == "Bearer another secret key"


def test_scores_below_the_last_decimal_keep_their_order(service: Service) -> None:
    """Where the probe saw no decimals, a class with the largest score still has the largest logit."""
    service.classify = lambda x: np.eye(10)[(x.mean((1, 2, 3)) > 0.5).astype(int)]
    model = remote(table(service))
    model.probe(X)
    assert model.facts.decimals == 0
    service.classify = lambda x: np.tile([0.0, 0.2, 0.4, *[0.1] * 4, 0.0, 0.0, 0.0], (len(x), 1))
    with model.fresh():
        assert model(X[:3]).argmax(1).tolist() == [2] * 3
