"""Server of the metrics: `GET /metrics` on a loopback port of its own, one connection at a time."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

from securemnist.errors import UsageError

ADDRESS = "127.0.0.1"
# A page of the web cannot read them by a name of its own that leads to this address.
_HOSTS = (ADDRESS, "localhost")
_SECONDS = 2.0  # for a slow client


class MetricsServer:
    """Serves what `text` returns; `port` 0 is any free port. UsageError where the port is taken."""

    def __init__(self, text: Callable[[], bytes], port: int = 0) -> None:
        handler = type("Handler", (_Handler,), {"text": staticmethod(text)})
        try:
            self._server = HTTPServer((ADDRESS, port), handler)
        except OSError as error:
            raise UsageError(
                f"expected a free port for the metrics, got {port} ({error.strerror}); set another "
                "metrics_port, or 0"
            ) from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The address of the metrics."""
        return f"http://{ADDRESS}:{self.port}/metrics"

    def close(self) -> None:
        """Stop serving, and free the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = _SECONDS
    text: Callable[[], bytes]

    def handle(self) -> None:
        """One request. `timeout` is of each part, and here of all: a client may send one now and then."""
        cut = threading.Timer(self.timeout, self._cut)
        cut.daemon = True
        cut.start()
        try:
            super().handle()
        except OSError:  # it was cut off, or has gone
            self.close_connection = True
        finally:
            cut.cancel()

    def _cut(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_GET(self) -> None:
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host not in _HOSTS or self.path != "/metrics":
            self._answer(403 if host not in _HOSTS else 404, b"")
            return
        self._answer(200, self.text())

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 # the name of the base class
        """Print nothing."""
