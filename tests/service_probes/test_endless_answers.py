"""Services that never stop answering: probes end in time, keep little, and take it for no end."""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from securemnist.service_probes import slow_reader, slow_requests
from securemnist.service_probes.raw_answer import LARGEST, conversation
from securemnist.service_probes.reply import Reply

SECONDS = 0.5


@contextlib.contextmanager
def endless(part: bytes, pause: float = 0.0, most: float = math.inf) -> Iterator[socket.socket]:
    """A connection to a service that sends this part `most` times, whatever it is asked, and closes."""
    ended = threading.Event()

    def answer(server: socket.socket) -> None:
        with contextlib.suppress(OSError), server.accept()[0] as connection:
            connection.settimeout(0.1)
            sent = 0
            while sent < most and not ended.wait(pause):
                with contextlib.suppress(TimeoutError):
                    connection.sendall(part)
                    sent += 1

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        with socket.create_connection(server.getsockname()) as client:
            yield client
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    ("part", "pause"), [(b"x" * 65536, 0.0), (b"x", 0.05)], ids=["flood", "drip"]
)
def test_conversation_ends_in_time(part: bytes, pause: float) -> None:
    """Neither a flood without a status nor a byte now and then is taken for a connection that ended."""
    with endless(part, pause) as client:
        began = time.monotonic()
        assert conversation(client, b"GET / HTTP/1.1\r\n\r\n", SECONDS) == ([], False)
        assert time.monotonic() - began < 4 * SECONDS


def test_slow_request_takes_a_flood_for_no_end() -> None:
    """A connection that is answered without an end counts as open."""
    with endless(b"x" * 65536) as client:
        assert slow_requests._until_cut(client, b" ", SECONDS).status == -1


def test_slow_request_keeps_little_of_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an answer of 4 MiB the first one is kept."""
    kept = list[int]()

    def parsed(answer: bytes, seconds: float) -> Reply:
        kept.append(len(answer))
        return Reply(0, seconds=seconds)

    monkeypatch.setattr(slow_requests, "parsed", parsed)
    with endless(b"x" * 65536, most=64) as client:
        slow_requests._until_cut(client, b" ", 30.0)
    assert LARGEST <= kept[0] < LARGEST + 4096


def test_slow_reader_stops_at_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """More answers than the bound are not read, and count as a connection that goes on."""
    monkeypatch.setattr(slow_reader, "_LARGEST", 4 << 20)
    read = bytearray()
    with endless(b"HTTP/1.1 200 OK\r\n" * 4096) as client:
        assert slow_reader._ends(client, read, 10**9, 30.0) is False
    assert 4 << 20 <= len(read) < 6 << 20
