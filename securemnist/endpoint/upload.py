"""An image as a file: the whole body of a request, or a field of a form (RFC 7578)."""

from __future__ import annotations

import re

BODY, FORM = "body", "form:"
UPLOAD = re.compile(r"body|form:[A-Za-z0-9_.\[\]-]{1,100}")
_BOUNDARY = "6f1d8a0c5be94e7f93a2d4c8b7e01f65"  # these bytes are in no picture but by chance


def content_type(upload: str | None) -> str:
    """The type of a request; `upload`: None for JSON, `body`, or `form:NAME` of a field."""
    if upload is None:
        return "application/json"
    return "image/png" if upload == BODY else f"multipart/form-data; boundary={_BOUNDARY}"


def packed(upload: str, png: bytes) -> bytes:
    """The request that holds a picture."""
    if upload == BODY:
        return png
    name = upload.removeprefix(FORM)
    disposition = f'form-data; name="{name}"; filename="image.png"'
    head = f"--{_BOUNDARY}\r\nContent-Disposition: {disposition}\r\nContent-Type: image/png\r\n\r\n"
    return head.encode() + png + f"\r\n--{_BOUNDARY}--\r\n".encode()
