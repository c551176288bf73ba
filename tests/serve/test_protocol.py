"""Open Inference Protocol: answers, and bodies that are refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from tests.serve.hosts import INFER, Client, body, client, text


@pytest.fixture(scope="module")
def toy() -> Iterator[Client]:
    """A client of the toy model."""
    with client(images=4, requests_per_token=10**6, requests_per_address=10**6) as c:
        yield c


def test_metadata(toy: Client) -> None:
    """Server, health and model metadata follow the protocol."""
    assert toy.get("/v2").json()["models"] == ["toy"]
    assert toy.get("/v2/health/live").json() == {"live": True}
    assert toy.get("/v2/health/ready").json() == {"ready": True}
    assert toy.get("/v2/models/toy/ready").json() == {"name": "toy", "ready": True}
    metadata = toy.get("/v2/models/toy").json()
    assert metadata["inputs"][0]["shape"] == [-1, 1, 28, 28]
    assert metadata["outputs"][1] == {
        "name": "probabilities",
        "datatype": "FP32",
        "shape": [-1, 10],
    }


@pytest.mark.parametrize(
    ("request_body", "label"),
    [
        (body(value=128), 5),
        (body(kind="FP32", value=0.7), 7),
        (body(kind="FP32", value=1), 9),
        (body(data=[[[[51] * 28] * 28]]), 2),
    ],
    ids=["bytes", "floats", "ones", "nested"],
)
def test_inference(toy: Client, request_body: dict[str, Any], label: int) -> None:
    """Bytes and floats, flat and nested, give the label of the model and its probabilities."""
    answer = toy.post(INFER, json={**request_body, "id": "a-1"}).json()
    assert (answer["model_name"], answer["id"]) == ("toy", "a-1")
    labels, shares = answer["outputs"]
    assert labels == {"name": "label", "datatype": "INT64", "shape": [1], "data": [label]}
    assert shares["shape"] == [1, 10]
    assert abs(sum(shares["data"]) - 1) < 0.01


def test_probabilities_of_a_model_that_outputs_them() -> None:
    """A model that ends in softmax is answered with its own probabilities, not with their softmax."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Softmax(1)).eval()
    with client(module=net, off=("rounding",)) as c:
        shares = c.post(INFER, json=body(value=51)).json()["outputs"][1]["data"]
    assert shares == pytest.approx(net(torch.full((1, 1, 28, 28), 0.2))[0].tolist(), abs=1e-6)


def test_wanted_outputs(toy: Client) -> None:
    """A request gets the outputs that it asks for."""
    wanted = {**body(3), "outputs": [{"name": "label"}]}
    (labels,) = toy.post(INFER, json=wanted).json()["outputs"]
    assert labels["data"] == [5, 5, 5]


DATA = json.dumps([0] * 784)
PIXELS = '"name":"images","shape":[1,1,28,28],"datatype":"UINT8"'
WRONG = {
    "empty": "",
    "no JSON": "images",
    "a number": "3",
    "unclosed": text()[:-2],
    "trailing": text() + "x",
    "two objects": text() * 2,
    "not UTF-8": b"\xff" + text().encode(),
    "a byte order mark": b"\xef\xbb\xbf" + text().encode(),
    "blanks": " " * 20_000 + text(),
    "depth": "[" * 100_000,
    "depth in an object": '{"a":' * 1000,
    "depth of data": f'{{"inputs":[{{{PIXELS},"data":{"[" * 900}1{"]" * 900}}}]}}',
    "duplicate key": f'{{"inputs":[{{{PIXELS},"data":{DATA},"name":"images"}}]}}',
    "duplicate data": f'{{"inputs":[{{{PIXELS},"data":{DATA},"data":{DATA}}}]}}',
    "duplicate inputs": f'{{"inputs":[],"inputs":[{{{PIXELS},"data":{DATA}}}]}}',
    "data elsewhere": f'{{"parameters":{{"data":{DATA}}},"inputs":[{{{PIXELS},"data":[]}}]}}',
    "NaN": text(kind="FP32", value=float("nan")),
    "infinity": text(kind="FP32", value=float("inf")),
    "1e999": text(kind="FP32").replace("128", "1e999", 1),
    "many figures": text().replace("128", "1" * 5000, 1),
    "leading zero": text().replace("128", "0128", 1),
    "plus": text().replace("128", "+128", 1),
    "comma": text().replace("128", "128,", 1),
    "above one": text(kind="FP32", value=1.001),
    "below zero": text(kind="FP32", value=-1e-9),
    "256": text(value=256),
    "a fraction of a byte": text(value=0.5),
    "true": text(value=True),
    "null": text(value=None),
    "strings": text(value="1"),
    "an object as data": text(data={"a": 1}),
    "a string as data": text(data="00"),
    "one number less": text(data=[0] * 783),
    "one number more": text(data=[0] * 785),
    "no numbers": text(data=[]),
    "uneven rows": text(data=[[0] * 783, [0]]),
    "a row among numbers": text(data=[0] * 783 + [[0]]),
    "no images": text(shape=[0, 1, 28, 28], data=[]),
    "too many images": text(count=5),
    "other shape": text(shape=[1, 28, 28, 1]),
    "flat shape": text(shape=[1, 784]),
    "negative shape": text(shape=[-1, 1, 28, 28]),
    "huge shape": text(shape=[10**30, 1, 28, 28]),
    "a fraction in the shape": text(shape=[1.0, 1, 28, 28]),
    "true in the shape": text(shape=[True, 1, 28, 28]),
    "a string as shape": text(shape="1"),
    "other type": text(datatype="FP64"),
    "a list as type": text(datatype=[]),
    "other name": text(name="input"),
    "another key": text(extra=1),
    "parameters of an input": text(parameters=[]),
    "two inputs": json.dumps({"inputs": body()["inputs"] * 2}),
    "no inputs": "{}",
    "a string as inputs": '{"inputs":"images"}',
    "a string as input": '{"inputs":["images"]}',
    "an id with a tag": json.dumps({**body(), "id": "<script>"}),
    "a number as id": json.dumps({**body(), "id": 1}),
    "an unknown output": json.dumps({**body(), "outputs": [{"name": "logits"}]}),
    "an object as output name": json.dumps({**body(), "outputs": [{"name": {}}]}),
    "no outputs": json.dumps({**body(), "outputs": []}),
    "a string as outputs": json.dumps({**body(), "outputs": "label"}),
    "an output twice": json.dumps({**body(), "outputs": [{"name": "label"}] * 2}),
    "another key of the request": json.dumps({**body(), "model": "x"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_bodies(toy: Client, name: str) -> None:
    """A malformed body is refused with 400 and one sentence that quotes nothing of it."""
    content = WRONG[name]
    sent = content if isinstance(content, bytes) else content.encode()
    answer = toy.post(INFER, content=sent, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"].startswith("expected ")
    assert "script" not in answer.text


def test_unknown_model(toy: Client) -> None:
    """An unknown model is 404, and its name is not repeated."""
    for path in ("/v2/models/no-such", "/v2/models/no-such/ready", "/v2/models/..%2f..%2fetc"):
        answer = toy.get(path)
        assert answer.status_code == 404
        assert "no-such" not in answer.text


def test_other_content_type(toy: Client) -> None:
    """A form or a text is refused before it is read as JSON."""
    answer = toy.post(INFER, content=text(), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_other_methods(toy: Client, method: str) -> None:
    """Methods that a path does not have are refused, also by an overriding header."""
    assert toy.request(method, "/v2").status_code == 405
    override = toy.get("/v2", headers={"X-HTTP-Method-Override": method})
    assert override.json()["version"] == "2"
