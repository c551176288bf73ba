"""Services that take a picture as a file, and those that answer the best classes only."""

from __future__ import annotations

import io
import json
from email import message_from_bytes
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from securemnist.endpoint.client import Client
from securemnist.endpoint.description import described
from securemnist.endpoint.network import RemoteModel
from securemnist.errors import ModelError, NoAnswer, UsageError
from securemnist.input_spec import MNIST
from tests.endpoint.service import by_brightness
from tests.error_form import one_sentence
from tests.odd_server import Request, answer, serving


def file_of(request: Request, field: str) -> bytes:
    """The file of a request, or of a field of its form, as the email package reads it."""
    kind = request.headers["content-type"]
    if not field:
        assert kind == "image/png"
        return request.body
    form = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body)
    (part,) = form.get_payload()
    assert part.get_param("name", header="content-disposition") == field
    assert part.get_content_type() == "image/png"
    assert part.get_filename() == "image.png"
    content: bytes = part.get_payload(decode=True)
    return content


@pytest.mark.parametrize(("upload", "field"), [("body", ""), ("form:file[0]", "file[0]")])
def test_a_picture_is_sent_as_a_file(upload: str, field: str) -> None:
    """A service that takes a PNG reads the pixels of `as_sent`, and its scores are the logits."""
    read: list[np.ndarray] = []

    def classified(request: Request) -> list[bytes]:
        read.append(np.asarray(Image.open(io.BytesIO(file_of(request, field)))))
        pixels = (read[-1] / 255).astype(np.float32)
        return answer({"scores": by_brightness(pixels[None, None])[0].tolist()})

    with serving(classified) as url:
        fields = {"uri": url, "upload": upload, "scores": "$.scores"}
        remote = RemoteModel(described(fields, "test"), MNIST)
        x = torch.rand(3, 1, 28, 28) * torch.tensor([0.2, 0.6, 1.0]).view(3, 1, 1, 1)
        found = remote(x)
        remote.client.close()
    sent = remote.as_sent(x).numpy()
    for (one,) in np.rint(sent * 255):
        assert any(np.array_equal(one, pixels) for pixels in read)
    assert np.allclose(found.exp().numpy(), by_brightness(sent), atol=1e-9)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "expected `request`, or `upload`"),
        ({"upload": "file"}, 'expected "body" or "form:FIELD", got \'file\''),
        ({"upload": 'form:a"b'}, 'expected "body" or "form:FIELD"'),
        ({"upload": "body", "request": '[{"$image": {"as": "png"}}]'}, "no `request` beside"),
        ({"upload": "form:a", "headers": {"content-type": "x/y"}}, "no header Content-Type"),
        ({"upload": "body", "batch": 2}, "`batch` above 1 needs a template"),
    ],
)
def test_a_description_that_says_two_things(fields: dict[str, Any], words: str) -> None:
    """A file is sent alone, and how it is sent is said once."""
    with pytest.raises(UsageError) as caught:
        described({"uri": "http://127.0.0.1/", "scores": "$"} | fields, "test")
    assert words in one_sentence(caught.value)


@pytest.mark.parametrize("named", ["Content-Type", "content-type"])
def test_a_stated_type_is_sent(named: str) -> None:
    """The header Content-Type of a description is sent instead of the usual one."""
    with serving(lambda request: answer(request.headers["content-type"])) as url:
        fields = {"uri": url, "request": '{"$image": {"as": "png"}}', "scores": "$"}
        for headers, expected in (({}, "application/json"), ({named: "text/x"}, "text/x")):
            client = Client(described(fields | {"headers": headers}, "test"))
            assert json.loads(client.ask(b"{}", 1)) == expected
            client.close()


def test_scores_of_the_best_classes_by_name() -> None:
    """Of an object of some scores by name the best one is a label; as scores it says what to write."""

    def best(request: Request) -> list[bytes]:
        pixels = np.array(json.loads(request.body), np.float32)
        scores = by_brightness(pixels[None])[0]
        return answer({str(k): scores[k] for k in np.argsort(scores)[-5:]})

    with serving(best) as url:
        fields = {"uri": url, "request": '{"$image": {"as": "list", "values": "float"}}'}
        x = torch.full((2, 1, 28, 28), 0.3) + torch.tensor([0.04, 0.44]).view(2, 1, 1, 1)
        remote = RemoteModel(described(fields | {"labels": "$"}, "test"), MNIST)
        assert remote(x).argmax(1).tolist() == [3, 7]
        remote.client.close()
        remote = RemoteModel(described(fields | {"scores": "$"}, "test"), MNIST)
        with pytest.raises(ModelError, match=r"got 5 of 10; .* leave out `scores`") as caught:
            remote(x)
        one_sentence(caught.value)
        remote.client.close()


def test_status_500_may_be_the_form_of_the_request() -> None:
    """A service whose code raises on a request answers 500: the advice names `request`."""
    with serving(lambda _: answer({}, "500 Internal Server Error")) as url:
        client = Client(described({"uri": url, "upload": "body", "scores": "$", "retries": 0}, "t"))
        with pytest.raises(NoAnswer, match=r"status 500.*; read its log, and check `request`"):
            client.ask(b"", 1)
        client.close()
