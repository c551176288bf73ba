"""A real server of HTTP/1.1 that refuses every request with two readings, but for one weakness."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from typing import BinaryIO

from tests.odd_server import answer

LABEL = {"outputs": [{"name": "label", "datatype": "INT64", "shape": [1], "data": [3]}]}
# What a server does wrong, by name; each is a branch below.
WEAKNESSES = (
    *("first length", "last length", "Python's numbers", "length beside chunks"),
    *("chunks beside length", "folds", "any coding", "spaces", "Python's chunks", "64 bits"),
    *("goes on", "hangs"),
)


class Refused(Exception):
    """The request has two readings."""


class GuessingServer:
    """Answers by a label or `{}`; `weakness` None refuses all that is odd. `address` is its URL."""

    def __init__(self, weakness: str | None) -> None:
        self.weakness = weakness
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> GuessingServer:
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed at the end
            while True:
                connection, _ = self._server.accept()
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as file:
            while first := file.readline():
                if first == b"\r\n":
                    continue
                try:
                    goes_on = self._answered(connection, first.decode("latin-1"), file)
                except (Refused, ValueError):
                    if self.weakness == "hangs":
                        file.read()
                    connection.sendall(answer({}, "400 Bad Request")[0])
                    goes_on = self.weakness == "goes on"
                if not goes_on:
                    return

    def _answered(self, connection: socket.socket, first: str, file: BinaryIO) -> bool:
        headers = list(self._headers(file))
        body, goes_on = self._body(headers, file, first)
        content = LABEL if first.startswith("POST") and json.loads(body) else {}
        connection.sendall(answer(content)[0])
        return goes_on and ("connection", "close") not in headers

    def _headers(self, file: BinaryIO) -> Iterator[tuple[str, str]]:
        """Names in small letters and values, line by line."""
        lines: list[str] = []
        while (line := file.readline()) not in (b"\r\n", b""):
            text = line.decode("latin-1").removesuffix("\r\n")
            if text[:1] in (" ", "\t") and self.weakness == "folds":
                lines[-1] += text
            else:
                lines.append(text)
        for text in lines:
            name, _, value = text.partition(":")
            name = name.rstrip() if self.weakness == "spaces" else name
            if not re.fullmatch(r"[\w-]+", name) or re.search(r"[\r\v\0]", value):
                raise Refused
            yield name.lower(), value.strip().lower()

    def _body(
        self, headers: list[tuple[str, str]], file: BinaryIO, first: str
    ) -> tuple[bytes, bool]:
        """The body, and whether a request may follow."""
        lengths = [value for name, value in headers if name == "content-length"]
        codings = [value for name, value in headers if name == "transfer-encoding"]
        if self.weakness == "any coding":
            codings = [value for value in codings if value == "chunked"][:1]
        if codings not in ([], ["chunked"]) or (codings and "HTTP/1.0" in first):
            raise Refused
        if codings and lengths and self.weakness == "length beside chunks":
            codings = []
        if codings:
            if lengths and self.weakness != "chunks beside length":
                raise Refused
            return self._chunks(file), True
        if self.weakness == "first length":
            lengths = lengths[:1]
        elif self.weakness == "last length":
            lengths = lengths[-1:]
        if len(lengths) > 1:
            raise Refused
        return file.read(self._number(lengths[0] if lengths else "0")), True

    def _number(self, text: str) -> int:
        if self.weakness != "Python's numbers" and not re.fullmatch("[0-9]+", text):
            raise Refused
        return int(text)

    def _chunks(self, file: BinaryIO) -> bytes:
        body = b""
        while size := self._size(file.readline().decode("latin-1").removesuffix("\r\n")):
            body += file.read(size)
            file.readline()
        file.readline()
        return body

    def _size(self, text: str) -> int:
        if self.weakness != "Python's chunks" and not re.fullmatch("[0-9a-f]{1,17}", text):
            raise Refused
        size = int(text, 16)
        if self.weakness == "64 bits":
            return size % (1 << 64)
        if size >= 1 << 32:
            raise Refused
        return size
