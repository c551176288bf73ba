"""A slow reader: a client that asks much and takes the answers byte by byte."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
import time

from securemnist.service_probes.reply import Reply
from securemnist.service_probes.target import Target

_ASKED = 20  # times `most_requests`: more answers than buffers on the way hold
_PAUSE = 0.1  # seconds between two parts
_PART = 8  # bytes
_BUFFER = 1 << 14  # a smaller one keeps its window small for ever
_REST_SECONDS = 2.0  # without a byte
_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def read_slowly(target: Target) -> Reply:
    """0 once the service ends a connection on which answers are read slowly, -1 at the end of the time.

    Without a token: who has none can do this, too. An end behind what buffers hold is seen last.
    """
    count = _ASKED * target.most_requests
    request = target.head("GET", target.metadata_path, token=False) + b"\r\n"
    rest, began = memoryview(request * count), time.monotonic()
    with target.connection() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        connection.setblocking(False)
        ended = select.poll()
        ended.register(connection, select.POLLHUP | select.POLLERR)
        read = b""
        while (seconds := time.monotonic() - began) < target.timeout:
            try:
                with contextlib.suppress(*_LATER):
                    while rest:
                        rest = rest[connection.send(rest[:65536]) :]
                with contextlib.suppress(*_LATER):
                    read += connection.recv(_PART)
            except OSError:
                return Reply(0, seconds=seconds)
            if ended.poll(1000 * _PAUSE):
                return Reply(0, seconds=seconds)
        target.sent += count - len(rest) // len(request)
        return Reply(0 if _ends(connection, read, count, target.timeout) else -1, seconds=seconds)


def _ends(connection: socket.socket, read: bytes, count: int, seconds: float) -> bool:
    """Whether a connection has ended before all answers, by what is left to read of it."""
    until, content = time.monotonic() + seconds, bytearray(read)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # read fast now
    connection.settimeout(_REST_SECONDS)
    try:
        while time.monotonic() < until:
            part = connection.recv(1 << 20)
            if not part:
                return len(re.findall(rb"HTTP/1\.[01] [2-5]", content)) < count
            content += part
    except TimeoutError:
        return False
    except OSError:
        return True
    return False
