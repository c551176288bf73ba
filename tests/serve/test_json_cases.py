"""Cases of JSON test suites as bodies, and inside the body of an honest request."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.json_cases import ACCEPTED, EITHER, REFUSED
from tests.serve.hosts import INFER, Client, body, client

STATUSES = {
    **dict.fromkeys(ACCEPTED, (200,)),
    **dict.fromkeys(REFUSED, (400,)),
    **dict.fromkeys(EITHER, (200, 400)),
}


@pytest.fixture(scope="module")
def toy() -> Iterator[Client]:
    """A client of the toy model."""
    with client(off=("rate_limits",)) as c:
        yield c


def test_cases_do_not_overlap() -> None:
    """Each case has one expected answer."""
    assert len(STATUSES) == len(ACCEPTED) + len(REFUSED) + len(EITHER)


@pytest.mark.parametrize("case", STATUSES, ids=range(len(STATUSES)))
def test_case_of_json(toy: Client, case: bytes) -> None:
    """As a value of an honest request JSON is accepted and anything else refused; alone, all is."""
    whole = json.dumps(body()).encode()
    inside = toy.post(INFER, content=b'{"parameters":{"x":' + case + b"}," + whole[1:])
    assert inside.status_code in STATUSES[case], inside.text
    for content in (case, b'{"inputs":' + case + b"}", whole[:-2] + b"," + case + b"]}"):
        alone = toy.post(INFER, content=content)
        assert alone.status_code == 400, alone.text
        assert len(case) < 4 or case.decode("latin-1") not in alone.text


@pytest.mark.parametrize("case", STATUSES, ids=range(len(STATUSES)))
def test_case_of_json_as_pixel(toy: Client, case: bytes) -> None:
    """As a pixel a case is a number in range, or the request is refused."""
    content = json.dumps(body(value=777)).encode().replace(b"777", case, 1).replace(b"777", b"7")
    answer = toy.post(INFER, content=content)
    number = case in ACCEPTED and case in (b"0", b"-0", b"123")
    assert answer.status_code == (200 if number else 400), answer.text
