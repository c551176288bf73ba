"""An answer of HTTP/1 as it comes from a socket, for requests that no client library sends."""

from __future__ import annotations

import re
import socket
import time

from securemnist.service_probes.reply import Reply

LARGEST = 1 << 20  # bytes that are read of an answer
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?![^ \r\n])")
_PAUSE = 1.0  # seconds until a further answer
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9]{2}")


def received(connection: socket.socket, ends: float) -> bytes:
    """The bytes of one answer up to its end, as far as they come in time; TimeoutError without any."""
    answer = bytearray(connection.recv(65536))
    part = bytes(answer)
    while part and not _complete(answer) and len(answer) < LARGEST:
        try:
            connection.settimeout(max(0.01, ends - time.perf_counter()))
            part = connection.recv(65536)
        except OSError:
            break
        answer += part
    return bytes(answer)


def conversation(
    connection: socket.socket, content: bytes, seconds: float
) -> tuple[list[int], bool]:
    """The statuses of all answers to what is sent, and whether the connection was ended in time."""
    answers, ended, until = bytearray(), False, time.monotonic() + seconds
    try:
        connection.settimeout(seconds)
        connection.sendall(content)
        while not ended and len(answers) < LARGEST and time.monotonic() < until:
            part = connection.recv(65536)
            ended = not part
            answers += part
            connection.settimeout(min(_PAUSE, seconds))
    except TimeoutError:
        pass
    except OSError:  # reset, maybe after an answer
        ended = True
    found = [int(status) for status in _STATUS.findall(bytes(answers))]
    return [status for status in found if status == 101 or status >= 200], ended


def _final(answer: bytes) -> bytes:
    """The answer behind interim ones (status 100, or 102 to 199), or the last of these."""
    start = 0
    while _INTERIM.match(answer, start) and (end := answer.find(b"\r\n\r\n", start) + 4) > 3:
        if end == len(answer):
            break
        start = end
    return answer[start:]


def _complete(answer: bytes | bytearray) -> bool:
    """Whether the body is whole by its length; one without a length ends with the connection."""
    head, end, text = _final(bytes(answer)).partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"(?i)\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*(?:\r|$)", head)
    if length is not None:
        return len(text) >= int(length[1])
    chunked = re.search(rb"(?i)\r\ntransfer-encoding:[^\r]*chunked", head)
    return text.endswith(b"0\r\n\r\n") if chunked else head[9:12] in (b"204", b"304")


def parsed(answer: bytes, seconds: float = 0.0) -> Reply:
    """The reply in the bytes that came back; -2 as its status for bytes that are not HTTP/1."""
    head, _, text = _final(answer).partition(b"\r\n\r\n")
    status = _STATUS.match(head)
    if status is None:
        return Reply(-2 if answer else 0, answer.decode("utf-8", "replace"), seconds=seconds)
    pairs = (one.partition(":") for one in head.decode("latin-1").split("\r\n")[1:])
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Reply(int(status[1]), text.decode("utf-8", "replace"), headers, seconds)
