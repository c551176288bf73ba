"""Hostile texts as bodies, names, ids, tokens and headers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.hostile_text import STRINGS
from tests.serve.hosts import INFER, Client, body, client


@pytest.fixture(scope="module")
def toy() -> Iterator[Client]:
    """A client of the toy model."""
    with client(off=("rate_limits",)) as c:
        yield c


@pytest.mark.parametrize("name", STRINGS)
def test_hostile_texts_are_refused(toy: Client, name: str) -> None:
    """Wherever the text stands, the answer is a refusal that does not repeat it."""
    text = STRINGS[name]
    sent = text.encode(errors="surrogatepass")
    header = sent[:4000].translate(None, b"\r\n\x00").strip() or b"x"
    answers: list[httpx.Response] = [
        toy.post(INFER, content=sent),
        toy.post(INFER, content=json.dumps({**body(), "id": text})),
        toy.post(INFER, content=json.dumps(body(name=text))),
        toy.post(INFER, content=json.dumps(body(datatype=text))),
        toy.post(INFER, content=json.dumps({**body(), "outputs": [{"name": text}]})),
        toy.post(INFER, content=json.dumps({**body(), text: 1})),
        toy.get(f"/v2/models/{quote(sent[:2000], safe='')}"),
        toy.get("/v2", headers=[(b"Authorization", b"Bearer " + header)]),
        toy.get("/v2", headers=[(b"Host", header)]),
        toy.get("/v2", headers=[(b"Origin", header)]),
        toy.post(INFER, json=body(), headers=[(b"Content-Type", header)]),
    ]
    for number, answer in enumerate(answers):
        assert 400 <= answer.status_code < 500, (number, answer.text)
        assert answer.headers["content-type"] == "application/json"
        assert text.strip()[:30] not in answer.text or len(text.strip()) < 3
