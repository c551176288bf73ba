"""Request smuggling: a request whose end servers could see differently is refused, and all after it.

A length beside chunks may be read by its chunks, as HTTP asks, if the connection ends after the answer.
Other requests that HTTP lets a server repair fail: a proxy before it may read them as they are.
"""

from __future__ import annotations

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.answers import answered
from securemnist.service_probes.raw_answer import conversation
from securemnist.service_probes.reply import check
from securemnist.service_probes.target import Target

_JSON = "Content-Type: application/json"
_CHUNKED = "Transfer-Encoding: chunked"
_BOTH = ("a length and chunks", "chunks and a length")
_SIZE = 2000  # bytes of a body at least, so that its length has a place for an underscore
_PAD = b"\r\n" * 4  # no part of JSON, and skipped before the next request
# Codings that servers read differently. Each is sent before chunks, and beside the length of a body.
_CODINGS = {
    "an unknown coding": "Transfer-Encoding: xchunked",
    "two codings": f"{_CHUNKED}\r\nTransfer-Encoding: identity",
    "a space before the colon": "Transfer-Encoding : chunked",
    "a folded coding": "Transfer-Encoding:\r\n chunked",
    "a coding after a carriage return": f"X-A: b\r{_CHUNKED}",
    "a coding after a vertical tab": "Transfer-Encoding: \x0bchunked",
}


def request_smuggling(target: Target) -> list[ServiceCheck]:
    """Lengths, codings and chunks of two readings, around a valid body and before a second request."""
    body = target.body(target.images[:1]).ljust(_SIZE)
    plain = target.head("POST", target.infer_path, _JSON, f"Content-Length: {len(body)}")
    behind = target.head("GET", target.metadata_path, "Connection: close") + b"\r\n"
    found = [answered("one length", target.raw(plain + b"\r\n" + body))]
    for name, (lines, content) in _cases(body).items():
        head = target.head("POST", target.infer_path, _JSON, *lines) + b"\r\n"
        if name == "chunks in HTTP/1.0":
            head = head.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)
        found.append(_refused(target, name, head + content + behind))
    return found


def _cases(body: bytes) -> dict[str, tuple[list[str], bytes]]:
    """The headers and the rest of each request, by name; most readings of it find the whole body."""
    size, longer, whole = len(body), len(body) + len(_PAD), _in_chunks(body, f"{len(body):x}")
    length, digits = f"Content-Length: {len(whole)}", f"{size:x}"
    lengths = {
        "two lengths": [f"Content-Length: {size}", f"Content-Length: {longer}"],
        "two lengths, the larger one first": [
            f"Content-Length: {longer}",
            f"Content-Length: {size}",
        ],
        "a list of lengths": [f"Content-Length: {size}, {longer}"],
        "a length with a sign": [f"Content-Length: +{size}"],
        "a length with an underscore": [f"Content-Length: {size:_}"],
        "a length in hexadecimal": [f"Content-Length: {size:#x}"],
        "a folded header": ["X-A: b\r\n c", f"Content-Length: {size}"],
    }
    chunks = {
        "a sign": f"+{digits}",
        "a prefix": f"0x{digits}",
        "an underscore": f"{digits[0]}_{digits[1:]}",
        "65 bits": f"1{size:016x}",
    }
    return {
        **{name: (lines, body + _PAD) for name, lines in lengths.items()},
        _BOTH[0]: ([length, _CHUNKED], whole),
        _BOTH[1]: ([_CHUNKED, length], whole),
        "a length, and a body that is not in chunks": ([f"Content-Length: {size}", _CHUNKED], body),
        "chunks in HTTP/1.0": ([_CHUNKED], whole),
        **{name: ([line], whole) for name, line in _CODINGS.items()},
        **{f"{name}, beside a length": ([line, f"Content-Length: {size}"], body)
           for name, line in _CODINGS.items()},
        **{f"a chunk size with {name}": ([_CHUNKED], _in_chunks(body, text))
           for name, text in chunks.items()},
    }  # fmt: skip


def _in_chunks(body: bytes, size: str) -> bytes:
    return size.encode() + b"\r\n" + body + b"\r\n0\r\n\r\n"


def _refused(target: Target, name: str, content: bytes) -> ServiceCheck:
    """That one refusal comes back, or none before the connection ends, and no answer to what follows."""
    target.sent += 1
    with target.connection() as connection:
        statuses, ended = conversation(connection, content, target.timeout)
    known = all(400 <= status < 500 or status == 501 for status in statuses)
    holds = known and (len(statuses) == 1 or (ended and not statuses))
    expected = "one status from 400 to 499, or 501, or a closed connection"
    if name in _BOTH:
        holds, expected = holds or (ended and len(statuses) == 1), f"{expected} after one answer"
    nothing = "no answer, the connection was closed" if ended else "no answer in time"
    return check(name, holds, expected, " and ".join(map(str, statuses)) or nothing)
