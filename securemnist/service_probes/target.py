"""The service under assessment, and the ways to send something to it.

Requests go to the host that the row names, or to our own service on loopback: no redirect is followed
and no proxy of the environment is used.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import httpcore
import httpx

from securemnist.audit import AuditLog
from securemnist.data import DataSet
from securemnist.endpoint.deadline import deadline
from securemnist.endpoint.transport import Transport, refused_certificate
from securemnist.errors import MeasureError, NotApplicable
from securemnist.input_spec import InputSpec
from securemnist.serve.record import Record
from securemnist.service_probes.raw_answer import LARGEST, parsed, received
from securemnist.service_probes.reply import Reply
from securemnist.types import Images

_IMAGES = 64  # of the data, that requests send
_CONNECTIONS = 100
# A part of an answer unpacks to a thousand times its size at most; several codings multiply that.
_CODINGS = ("identity", "gzip", "deflate")


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
        # Both kinds of requests trust the same authorities.
        secure = urlsplit(self.url).scheme == "https"
        self._tls = httpcore.default_ssl_context() if secure else None
        self._http = httpx.Client(
            base_url=self.url,
            headers={"Accept-Encoding": "identity"},
            timeout=self.timeout,
            trust_env=False,
            transport=Transport(self._tls, _CONNECTIONS, reused=False),
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
        except (httpx.LocalProtocolError, httpx.InvalidURL, UnicodeError) as error:
            raise MeasureError(f"expected a request that can be sent, got {error}") from error
        except (httpx.HTTPError, OSError) as error:
            if reason := refused_certificate(error):
                raise MeasureError(
                    f"expected a certificate of {self.url}, got one that is refused ({reason}); fix it"
                ) from error
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
        """The answer to bytes that need not be HTTP; errors as from `connection`."""
        self.sent += 1
        began = time.perf_counter()
        with self.connection(seconds) as connection:
            try:
                connection.sendall(content)
                answer = received(connection, began + (seconds or self.timeout))
            except TimeoutError:
                return Reply(-1, seconds=time.perf_counter() - began)
            except OSError:
                return Reply(0, seconds=time.perf_counter() - began)
        return parsed(answer, time.perf_counter() - began)

    def connection(self, seconds: float | None = None) -> socket.socket:
        """An open connection to the service, with TLS for https.

        MeasureError without one: that nothing was asked is no refusal.
        """
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or (443 if self._tls else 80)
        try:
            opened = socket.create_connection((host, port), timeout=seconds or self.timeout)
            return self._tls.wrap_socket(opened, server_hostname=host) if self._tls else opened
        except OSError as error:
            raise MeasureError(
                f"expected a connection to {parts.netloc}, got {error.strerror or error!s:.200}; start "
                "the service, or fix its certificate"
            ) from error

    def head(self, method: str, path: str, *lines: str, token: bool = True) -> bytes:
        """The head of a request as bytes, with Host and token, without its last empty line."""
        every = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(self.url).netloc}", *lines]
        every += [f"{name}: {value}" for name, value in self.authorization.items() if token]
        return "\r\n".join(every).encode("latin-1", "replace") + b"\r\n"

    def _text(self, answer: httpx.Response) -> str:
        """The first MiB of an answer; MeasureError for codings whose parts unpack without a bound."""
        coding = answer.headers.get("content-encoding", "identity").lower()
        if coding not in _CODINGS:
            raise MeasureError(
                f"expected an answer without a coding, got {coding!r:.40}; switch it off in the service"
            )
        content = bytearray()
        for part in answer.iter_bytes():
            content += part
            if len(content) > LARGEST:
                break
        return content.decode("utf-8", "replace")


def sample_of(data: DataSet) -> Images:
    """Some test images float32 (n, C, H, W), rounded to the bytes that requests can hold."""
    return (data.test[:_IMAGES].images() * 255).round() / 255
