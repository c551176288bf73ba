"""The service under assessment, and the ways to send something to it.

Requests go to the host that the row names, or to our own service on loopback: no redirect is followed
and no proxy of the environment is used.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from securemnist.audit import AuditLog
from securemnist.endpoint.deadline import deadline
from securemnist.endpoint.transport import Transport
from securemnist.errors import MeasureError, NotApplicable
from securemnist.input_spec import InputSpec
from securemnist.serve.record import Record
from securemnist.service_probes.reply import Reply
from securemnist.types import Images

_LARGEST_ANSWER = 1 << 20


_CONNECTIONS = 100


@dataclass
class Target:
    """A model of a service by the Open Inference Protocol.

    `url` without a path; `model`: its name; `images`: some of the data, float32 (n, C, H, W) in [0, 1];
    `token`: a valid one, or None; `records`, `audit`: those of our own service and its audit log, None
    for another; `timeout`: of one request, in seconds; `own`: whether it is our own service, of which
    the limits are small.
    """

    url: str
    model: str
    spec: InputSpec
    images: Images
    token: str | None
    records: list[Record] | None = None
    audit: AuditLog | None = None
    timeout: float = 10.0
    most_requests: int = 500
    sent: int = 0
    own: bool = False
    input: Mapping[str, str] = field(
        default_factory=lambda: {"name": "images", "datatype": "UINT8"}
    )

    def __post_init__(self) -> None:
        self._http = httpx.Client(
            base_url=self.url,
            timeout=self.timeout,
            trust_env=False,
            transport=Transport(None, _CONNECTIONS),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def metadata_path(self) -> str:
        return f"/v2/models/{self.model}"

    @property
    def infer_path(self) -> str:
        return f"{self.metadata_path}/infer"

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def need_token(self) -> str:
        """The valid token; NotApplicable without one."""
        if self.token is None:
            raise NotApplicable(
                "this control needs a valid token; name the environment variable that holds it in "
                "`token_env`"
            )
        return self.token

    def send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | Any = b"",
        headers: Mapping[str, str] | None = None,
        token: bool = True,
    ) -> Reply:
        self.sent += 1
        began = time.perf_counter()
        every = {"Content-Type": "application/json"} | (self.authorization if token else {})
        try:
            request = self._http.build_request(
                method, path, content=content, headers={**every, **(headers or {})}
            )
            with deadline(self.timeout):
                answer = self._http.send(request, stream=True)
                try:
                    text = self._text(answer)
                finally:
                    answer.close()
        except httpx.TimeoutException:
            return Reply(-1, seconds=time.perf_counter() - began)
        except (httpx.LocalProtocolError, httpx.InvalidURL) as error:
            raise MeasureError(f"expected a request that can be sent, got {error}") from error
        except (httpx.HTTPError, OSError):
            return Reply(0, seconds=time.perf_counter() - began)
        seconds = time.perf_counter() - began
        return Reply(answer.status_code, text, dict(answer.headers), seconds)

    def post(self, content: bytes | Any = b"", **options: Any) -> Reply:
        return self.send("POST", self.infer_path, content=content, **options)

    def infer(self, images: Images, **options: Any) -> Reply:
        return self.post(self.body(images), **options)

    def body(self, images: Images, **more: Any) -> bytes:
        """The body of a request for images; `more` replaces fields of its input."""
        whole = self.input["datatype"] == "UINT8"
        data = (images * 255).round().int() if whole else images
        tensor = {
            **self.input,
            "shape": list(images.shape),
            "data": data.flatten().tolist(),
            **more,
        }
        return json.dumps({"inputs": [tensor]}).encode()

    def raw(self, content: bytes, *, seconds: float | None = None) -> Reply:
        """The answer to bytes that need not be HTTP."""
        self.sent += 1
        began = time.perf_counter()
        try:
            with self.connection(seconds) as connection:
                connection.sendall(content)
                answer = _whole(connection, began + (seconds or self.timeout))
        except TimeoutError:
            return Reply(-1, seconds=time.perf_counter() - began)
        except OSError:
            return Reply(0, seconds=time.perf_counter() - began)
        return parsed(answer, time.perf_counter() - began)

    def connection(self, seconds: float | None = None) -> socket.socket:
        """An open connection to the service, with TLS for https."""
        parts = urlsplit(self.url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        opened = socket.create_connection((host, port), timeout=seconds or self.timeout)
        if secure:
            opened = ssl.create_default_context().wrap_socket(opened, server_hostname=host)
        return opened

    def head(self, method: str, path: str, *lines: str, token: bool = True) -> bytes:
        """The head of a request as bytes, with Host and token, without its last empty line."""
        every = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(self.url).netloc}", *lines]
        every += [f"{name}: {value}" for name, value in self.authorization.items() if token]
        return "\r\n".join(every).encode("latin-1", "replace") + b"\r\n"

    def _text(self, answer: httpx.Response) -> str:
        content = bytearray()
        for part in answer.iter_bytes():
            content += part
            if len(content) > _LARGEST_ANSWER:
                break
        return content.decode("utf-8", "replace")


def _whole(connection: socket.socket, ends: float) -> bytes:
    """The bytes of one answer up to its end, as far as they come in time; TimeoutError without any."""
    answer = bytearray(connection.recv(65536))
    part = bytes(answer)
    while part and not _complete(answer) and len(answer) < _LARGEST_ANSWER:
        try:
            connection.settimeout(max(0.01, ends - time.perf_counter()))
            part = connection.recv(65536)
        except OSError:
            break
        answer += part
    return bytes(answer)


def _complete(answer: bytes | bytearray) -> bool:
    """Whether the body is whole by its length; one without a length ends with the connection."""
    head, end, text = bytes(answer).partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"(?i)\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*(?:\r|$)", head)
    if length is not None:
        return len(text) >= int(length[1])
    chunked = re.search(rb"(?i)\r\ntransfer-encoding:[^\r]*chunked", head)
    return text.endswith(b"0\r\n\r\n") if chunked else head[9:12] in (b"204", b"304")


def parsed(answer: bytes, seconds: float = 0.0) -> Reply:
    head, _, text = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    status = first.split()[1:2]
    if not answer or not status or not status[0].isdecimal():
        return Reply(0, answer.decode("latin-1"), seconds=seconds)
    pairs = (one.partition(":") for one in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Reply(int(status[0]), text.decode("utf-8", "replace"), headers, seconds)
