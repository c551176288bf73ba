"""Descriptions in TOML: what is refused, and what a digest covers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from securemnist.endpoint.description import described, read
from securemnist.errors import UsageError
from tests.error_form import one_sentence

GOOD: dict[str, Any] = {
    "uri": "https://host.example/classify",
    "request": '{"image": {"$image": {"as": "png"}}}',
    "scores": "$.scores",
}
SEVERAL = '{"x": {"$images": {"as": "flat"}}}'
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no address": ({"uri": "host.example/classify"}, "https://HOST/PATH"),
    "file address": ({"uri": "file:///etc/passwd"}, "https://HOST/PATH"),
    "empty user": ({"uri": "http://@evil.example/"}, "without user"),
    "two hosts": ({"uri": "http://good.example\\evil.example/"}, "a backslash"),
    "line break": ({"uri": "http://good.example\n.evil.example/"}, "a backslash"),
    "other letters": ({"uri": "http://\uff45vil.example/"}, "a backslash"),
    "port in words": ({"uri": "http://host.example:http/"}, "Port"),
    "port above 65535": ({"uri": "http://host.example:99999/"}, "Port"),
    "password": ({"uri": "https://me:secret@host.example/"}, "without user"),
    "method": ({"method": "GET"}, "method"),
    "unknown field": ({"address": "x"}, "expected fields of uri"),
    "no JSON": ({"request": "{image: x}"}, "JSON template"),
    "no image": ({"request": "{}"}, "0 nodes of images"),
    "two images": ({"request": '[{"$image":{"as":"png"}},{"$image":{"as":"png"}}]'}, "2 nodes"),
    "unknown node": ({"request": '{"$python": "1+1"}'}, "[$]python"),
    "unknown form": ({"request": '{"$image": {"as": "jpeg"}}'}, "as"),
    "PNG of floats": (
        {"request": '{"$image": {"as": "png", "values": "float"}}'},
        "PNG holds bytes",
    ),
    "range of bytes": ({"request": '{"$image": {"as": "list", "high": 255.0}}'}, "for floats"),
    "joined list": ({"request": '{"$images": {"as": "list", "joined": true}}'}, "is flat"),
    "path": ({"scores": "scores[0]"}, "JSONPath"),
    "no answer": ({"scores": None}, "`scores` or `labels`"),
    "key without a header": ({"key_env": "MY_KEY"}, "one without the other"),
    "header without a key": ({"headers": {"Authorization": "$KEY"}}, "one without the other"),
    "header": ({"headers": {"X: Y": "1"}}, "header of printable"),
    "line in a header": ({"headers": {"X": "1\r\nHost: other"}}, "header of printable"),
    "key in plain text": (
        {"uri": "http://host.example/", "key_env": "K", "headers": {"A": "$KEY"}},
        "https:// for an endpoint with a key",
    ),
    "batch of single images": ({"batch": 8}, "[$]images"),
    "no batch": ({"batch": 0, "request": SEVERAL}, "batch"),
    "no time": ({"timeout": 0.0}, "timeout"),
    "endless wait": ({"longest_wait": float("inf")}, "longest_wait"),
    "client key alone": ({"client_key": "k.pem"}, "client_certificate"),
    "classes": ({"classes": ["a", "a"]}, "one twice"),
    "classes as text": ({"classes": "cat dog"}, "expected classes to be a list"),
    "time as text": ({"timeout": "30"}, "expected timeout to be a number without quotes"),
    "no queries": ({"queries": 0}, "queries"),
}


@pytest.mark.parametrize("scheme", ["https", "ftp"])
def test_a_password_in_an_address_is_not_printed(scheme: str) -> None:
    """An address with user and password is refused, and no message repeats them."""
    uri = f"{scheme}://user:secret@host/v2/models/net"
    with pytest.raises(UsageError) as caught:
        described(GOOD | {"uri": uri}, uri)
    assert "secret" not in one_sentence(caught.value)


@pytest.mark.parametrize("name", WRONG)
def test_wrong_description_is_refused(name: str) -> None:
    """A field of another form is refused in one sentence that names it."""
    change, words = WRONG[name]
    with pytest.raises(UsageError, match=words) as caught:
        described(GOOD | change, "endpoint.toml")
    one_sentence(caught.value)


@pytest.mark.parametrize("content", [None, b"uri = ", b"\xff\xfe", b'uri = "x"'], ids=repr)
def test_wrong_file_is_refused(content: bytes | None, tmp_path: Path) -> None:
    """A missing file and one that is no TOML are refused in one sentence."""
    path = tmp_path / "endpoint.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read(path)
    one_sentence(caught.value)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """Certificates beside a description are found from any folder."""
    path = tmp_path / "endpoint.toml"
    path.write_text("\n".join([*(f"{k} = '{v}'" for k, v in GOOD.items()), "authority = 'ca.pem'"]))
    assert read(path).authority == str(tmp_path / "ca.pem")


def test_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is read where it is used; a missing one is named; nothing that is stored holds it."""
    key = {"key_env": "TEST_KEY", "headers": {"Authorization": "Bearer $KEY"}}
    description = described(GOOD | key, "endpoint.toml")
    monkeypatch.delenv("TEST_KEY", raising=False)
    with pytest.raises(UsageError, match="TEST_KEY, got none"):
        description.key()
    monkeypatch.setenv("TEST_KEY", "a very secret key")
    assert description.key() == "a very secret key"
    assert "secret key" not in repr(description) + description.model_dump_json()


def test_digest_covers_what_decides_an_answer() -> None:
    """Another address or template is another model; a budget or a pace is not."""
    first = described(GOOD, "a").digest
    assert described(GOOD | {"queries": 5, "rate": 2.0, "timeout": 3.0}, "b").digest == first
    assert described(GOOD | {"uri": "https://host.example/v2"}, "c").digest != first
    assert described(GOOD | {"scores": "$.other"}, "d").digest != first


def test_name_holds_no_query() -> None:
    """The printed name leaves out the query of an address, which may hold a key."""
    assert described(GOOD | {"uri": "https://h.example/a?key=1"}, "a").name == "h.example/a"
