"""A request that is refused: its status, and one sentence that quotes nothing of the request."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse


class Refusal(Exception):
    """Raised by controls and routes; becomes an answer of this status."""

    def __init__(
        self, status: int, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """The answer, `{"error": ...}` as in the Open Inference Protocol."""
        return JSONResponse({"error": str(self)}, self.status, self.headers)


class Overloaded(Refusal):
    """Too much at a time; the request should come again after so many seconds."""

    def __init__(self, seconds: int = 1) -> None:
        message = "expected room for this request, got too many at a time; send it again later"
        super().__init__(503, message, headers={"Retry-After": str(seconds)})
