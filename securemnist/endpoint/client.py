"""Requests to one endpoint: bounded in number, time, size and rate, and to one host only.

No redirect is followed, and the variables of the environment that name proxies are not read unless the
description says so. Messages hold neither headers nor the text of an answer: both may hold the key.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import weakref
from collections.abc import Iterator, Mapping

import httpx

from securemnist.endpoint.content import content
from securemnist.endpoint.deadline import StaleError, deadline
from securemnist.endpoint.description import KEY, Description
from securemnist.endpoint.pace import Pace, retry_after
from securemnist.endpoint.query_budget import QueryBudget
from securemnist.endpoint.transport import Transport, proxy_for, refused_certificate, tls_error
from securemnist.errors import ModelError, NoAnswer, UsageError

_FIRST_WAIT = 0.5  # seconds after a failure, doubled by each further one
_LATER = "try again when the endpoint answers"
# As where its code raised.
_RAISED = "read its log, and check `request` of the description"
_CLOSED = f"{_RAISED}, let it answer in HTTP/1.1, or fix the scheme of its address"
_ADVICE: dict[type[Exception], str] = {
    ssl.SSLError: "let the endpoint speak TLS with HTTP/1.1, or fix the scheme of its address",
    httpx.ConnectError: "start the endpoint, or fix its address",
    httpx.RemoteProtocolError: _CLOSED,
    httpx.ReadError: _CLOSED,
}
_SECRET = 8  # characters; a shorter key could be part of an honest answer


class Client:
    """One endpoint; its methods may be called from several threads."""

    def __init__(self, description: Description) -> None:
        """UsageError where the key or a certificate cannot be read."""
        self.description = description
        self.budget = QueryBudget(description.queries // _processes(), description.row_queries)
        self._pace = Pace(description.rate)
        key = description.key() or ""
        self._secret = key.encode() if len(key) >= _SECRET else b""
        headers = {name: text.replace(KEY, key) for name, text in description.headers.items()}
        self._http = httpx.Client(
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
            follow_redirects=False,
            trust_env=False,
            timeout=description.timeout,
            transport=Transport(
                _certificates(description),
                description.concurrency,
                proxy_for(description.uri) if description.use_proxies else None,
            ),
        )
        # A client that is forgotten, or left at the end of the process, leaves no connection open.
        self.close = weakref.finalize(self, self._http.close)

    def ask(self, body: bytes, images: int) -> bytes:
        """The answer to a request that holds this number of images.

        NoAnswer where there is none after all attempts, or where the budget is spent. ModelError for what
        no repetition changes: a status 3xx or 4xx other than those for throttling, an answer that is
        compressed or too long.
        """
        wanted, advice = self.description, _LATER
        for attempt in range(wanted.retries + 1):
            wait = _FIRST_WAIT * 2**attempt
            try:
                status, headers, text = self._attempt(body, images)
            except _Failed as error:
                self.budget.count("failed")
                reason, advice = str(error), error.advice
                self._pace.pause(min(wait, wanted.longest_wait))
                continue
            if 200 <= status < 300:
                self._pace.answered()
                return text
            reason, advice = f"status {status}", _RAISED if status == 500 else _LATER
            if status in wanted.throttled:
                self.budget.count("throttled")
                asked = retry_after(headers.get("retry-after"))
                if asked is not None and asked > wanted.longest_wait:
                    reason = f"a wait of {asked:.0f} s, longer than `longest_wait`"
                    break
                self._pace.refused(min(wait if asked is None else asked, wanted.longest_wait))
            elif 300 <= status < 500:
                self.budget.count("failed")
                raise ModelError(f"{wanted.name}: {_refused(status)}")
            else:
                self.budget.count("failed")
                self._pace.pause(min(wait, wanted.longest_wait))
        self.budget.count("unanswered", images)
        advice += (
            ", or lower `batch`" if images > 1 and advice.startswith((_LATER, _RAISED)) else ""
        )
        raise NoAnswer(
            f"{wanted.name}: expected an answer, got {reason} after {attempt + 1} attempts; {advice}"
        )

    def _attempt(self, body: bytes, images: int) -> tuple[int, Mapping[str, str], bytes]:
        """As `_send`, and once more for each kept connection that the service had closed meanwhile.

        A request that asks for a classification may be repeated (RFC 9112, 9.3.1). Its images are
        counted again, because the service may have read it; a failure it is none.
        """
        kept = self.description.concurrency
        while True:
            self._pace.wait()
            self.budget.spend(images)
            try:
                return self._send(self.description.method, self.description.uri, body)
            except _Failed as error:
                if not kept or not error.stale:
                    raise
            kept -= 1
            self.budget.count("attempts", -1)

    def get(self, uri: str) -> bytes:
        """A document about the model; ModelError or NoAnswer where there is none."""
        try:
            status, _, text = self._send("GET", uri, None)
        except _Failed as error:
            raise NoAnswer(f"{uri}: expected an answer, got {error}; {error.advice}") from error
        if not 200 <= status < 300:
            raise ModelError(f"{uri}: {_refused(status)}")
        return text

    def _send(
        self, method: str, uri: str, body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and content of one attempt; _Failed where there is no whole answer."""
        headers = {} if body is None else self.description.types
        with (
            _as_failure(self.description),
            deadline(self.description.timeout),
            self._http.stream(method, uri, content=body, headers=headers) as response,
        ):
            text = self._without_key(content(response, self.description))
            return response.status_code, response.headers, text

    def _without_key(self, text: bytes) -> bytes:
        """The text without the key, so that no message about it can quote the key."""
        return text.replace(self._secret, b"***") if self._secret else text


def _processes() -> int:
    """Number of processes of this run: each worker of pytest-xdist may spend its share of the budget."""
    count = os.environ.get("PYTEST_XDIST_WORKER_COUNT", "")
    return max(1, int(count)) if count.isascii() and count.isdigit() else 1


class _Failed(Exception):
    """An attempt without an answer; the message says why, `advice` what to do if none follows.

    `stale`: the service had closed a kept connection.
    """

    def __init__(self, reason: str, advice: str = _LATER, *, stale: bool = False) -> None:
        super().__init__(reason)
        self.advice, self.stale = advice, stale


@contextlib.contextmanager
def _as_failure(description: Description) -> Iterator[None]:
    """_Failed for each error of the connection; its own text may quote a header.

    ModelError for a certificate that is refused and for a name of no host, which no repetition changes.
    """
    try:
        yield
    except (UnicodeError, httpx.InvalidURL) as error:
        raise ModelError(
            f"{description.name}: expected the name of a host, got {description.host!r:.80}; fix it"
        ) from error
    except httpx.TimeoutException as error:
        raise _Failed(
            f"no whole answer within {description.timeout:g} s", f"{_LATER}, or raise `timeout`"
        ) from error
    except httpx.HTTPError as error:
        if reason := refused_certificate(error):
            raise ModelError(
                f"{description.name}: expected a certificate of this host, got one that is refused "
                f"({reason}); fix it, or name its authority in `authority` of a description"
            ) from error
        cause = tls_error(error) or error
        advice = next((text for kind, text in _ADVICE.items() if isinstance(cause, kind)), _LATER)
        raise _Failed(
            f"a failed connection ({type(cause).__name__})",
            advice,
            stale=isinstance(error.__cause__, StaleError),
        ) from error


def _refused(status: int) -> str:
    if status < 400:
        return (
            f"expected an answer, got a redirect (status {status}), which is never followed; write "
            "the final address"
        )
    advice = {
        401: "fix the key",
        403: "fix the key",
        404: "fix the address",
        405: "fix `method`",
        413: "lower `batch`",
    }.get(status, "fix the description of the endpoint")
    return f"expected an answer, got status {status}; {advice}"


def _no_passphrase() -> str:
    """What OpenSSL asks for an encrypted key; by default it asks at the terminal."""
    return ""


def _certificates(description: Description) -> ssl.SSLContext:
    """What TLS connections are checked against; UsageError for files that hold no certificate."""
    try:
        context = ssl.create_default_context(cafile=description.authority)
        if not description.verify:  # a warning is printed before anything is sent
            context.check_hostname = False  # nosemgrep: certificate-not-checked
            context.verify_mode = ssl.CERT_NONE  # nosemgrep: certificate-not-checked
        if description.client_certificate is not None:
            context.load_cert_chain(
                description.client_certificate, description.client_key, _no_passphrase
            )
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"{description.name}: expected readable certificates in PEM, got "
            f"{type(error).__name__}; fix `authority`, `client_certificate` or `client_key`"
        ) from error
    return context
