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
_LARGEST = 64 << 20  # bytes of answers: who sends more has not ended the connection
_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def read_slowly(target: Target) -> Reply:
    """A status of 0 if the service ends a connection on which answers are read slowly, else of -1.

    Sent without a token, as by an attacker who has none. Buffers hold some answers: the end is seen after
    these are read.
    """
    count = _ASKED * target.most_requests
    request = target.head("GET", target.metadata_path, token=False) + b"\r\n"
    with target.connection() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        connection.setblocking(False)
        rest, began = memoryview(request * count), time.monotonic()
        read, ended = _trickled(connection, rest, began + target.timeout)
        seconds = time.monotonic() - began
        ended = ended or _ends(connection, read, count, target.timeout)
    target.sent += read.count(b"HTTP/1.")  # those that were answered, as far as it is known
    return Reply(0 if ended else -1, seconds=seconds)


def _trickled(connection: socket.socket, rest: memoryview, until: float) -> tuple[bytearray, bool]:
    """What is read byte by byte while requests are sent, and whether the connection was reset."""
    poll, read = select.poll(), bytearray()
    poll.register(connection, select.POLLHUP | select.POLLERR)
    try:
        while time.monotonic() < until:
            with contextlib.suppress(*_LATER):
                while rest:
                    rest = rest[connection.send(rest[:65536]) :]
            with contextlib.suppress(*_LATER):
                part = connection.recv(_PART)
                if not part:
                    break
                read += part
            if poll.poll(1000 * _PAUSE):
                return read, True
    except OSError:
        return read, True
    return read, False


def _ends(connection: socket.socket, read: bytearray, count: int, seconds: float) -> bool:
    """Whether a connection has ended before all answers, by what is left to read of it."""
    until = time.monotonic() + seconds
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # read fast now
    connection.settimeout(_REST_SECONDS)
    try:
        while time.monotonic() < until and len(read) < _LARGEST:
            part = connection.recv(1 << 20)
            if not part:
                return len(re.findall(rb"HTTP/1\.[01] [2-5]", read)) < count
            read += part
    except TimeoutError:
        return False
    except OSError:
        return True
    return False
