"""The text of an answer, of limited size."""

from __future__ import annotations

import httpx

from securemnist.endpoint.description import Description
from securemnist.errors import ModelError


def content(response: httpx.Response, description: Description) -> bytes:
    """The text of an open answer; b"" for an error, whose status decides.

    ModelError for one that is compressed, which could unpack to any size, or too long. Repeated, the
    request would get the same.
    """
    if not response.is_success:
        return b""
    name, most = description.name, description.answer_bytes
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise ModelError(
            f"{name}: expected a plain answer, got a compressed one; switch its compression off"
        )
    parts, size = list[bytes](), 0
    for part in response.iter_raw():
        size += len(part)
        if size > most:
            raise ModelError(
                f"{name}: expected an answer of at most {most:,} bytes, got a longer one; shorten it, "
                "or raise `answer_bytes`"
            )
        parts.append(part)
    return b"".join(parts)
