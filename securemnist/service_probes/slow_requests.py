"""Slow clients: headers, bodies and readers that trickle are cut off, and delay no honest request."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.raw_answer import LARGEST, parsed
from securemnist.service_probes.reply import Reply, check
from securemnist.service_probes.slow_reader import read_slowly
from securemnist.service_probes.target import Target

_CONNECTIONS = 20  # of each kind
_PAUSE = 0.1  # seconds between two bytes
_HONEST_SECONDS = 2.0
_JSON = "Content-Type: application/json"
# Headers of the body, and what trickles; without a body the headers do.
_KINDS: dict[str, tuple[tuple[str, ...], bytes]] = {
    "headers": ((), b"X-A: b\r\n"),
    "a body": ((_JSON, "Content-Length: 1000"), b" "),
    "a body in chunks": ((_JSON, "Transfer-Encoding: chunked"), b"1\r\n \r\n"),
}


def slow_requests(target: Target) -> list[ServiceCheck]:
    """Open slow connections, ask honestly beside them, and wait until they are cut off."""
    unfinished = {name: _begun(target, *lines) for name, (lines, _) in _KINDS.items()}
    with ExitStack() as stack:
        slow = {
            name: [_opened(stack, target, head) for _ in range(_CONNECTIONS)]
            for name, head in unfinished.items()
        }
        honest = target.infer(target.images[:1])
        found = [
            check(
                f"an honest request beside {len(slow) * _CONNECTIONS} slow ones",
                honest.accepted and honest.seconds <= _HONEST_SECONDS,
                f"an answer within {_HONEST_SECONDS:g} s",
                f"{honest} after {honest.seconds:.2f} s",
            )
        ]
        for name, connections in slow.items():
            reply = _until_cut(connections[0], _KINDS[name][1], target.timeout)
            found.append(_cut_off(f"{name} sent byte by byte", reply, target))
    return [*found, _cut_off("answers that are read slowly", read_slowly(target), target)]


def _cut_off(name: str, reply: Reply, target: Target) -> ServiceCheck:
    return check(
        name,
        reply.refused or reply.status == 0,
        f"a closed connection within {target.timeout:g} s",
        f"{reply} after {reply.seconds:.1f} s",
    )


def _begun(target: Target, *lines: str) -> bytes:
    """A request whose headers are whole if it has a body."""
    return target.head("POST", target.infer_path, *lines) + (b"\r\n" if lines else b"")


def _opened(stack: ExitStack, target: Target, content: bytes) -> socket.socket:
    connection = stack.enter_context(target.connection())
    connection.sendall(content)
    target.sent += 1
    return connection


def _until_cut(connection: socket.socket, filler: bytes, seconds: float) -> Reply:
    """What came before the end of a connection on which a few bytes a moment are sent.

    -1 where it did not end in time: an answer alone frees nothing.
    """
    began, answer = time.monotonic(), b""
    connection.settimeout(_PAUSE)
    while (passed := time.monotonic() - began) < seconds:
        try:
            connection.sendall(filler)
            if not (part := connection.recv(4096)):
                return parsed(answer, passed)
            answer += part if len(answer) < LARGEST else b""
        except TimeoutError:
            continue
        except OSError:
            return parsed(answer, passed)
    return Reply(-1, seconds=passed)
