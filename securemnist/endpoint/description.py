"""The description of an endpoint: where it is, how it is asked, where its answer is, what it may cost."""

from __future__ import annotations

import base64
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import jsonpath_rfc9535
import numpy as np
from pydantic import Field, ValidationError, field_validator, model_validator

from securemnist._util.hashing import sha256_of_value
from securemnist._util.parsing import toml_file
from securemnist._util.strict import Strict
from securemnist.endpoint.template import Template
from securemnist.endpoint.upload import FORM, UPLOAD, content_type, packed
from securemnist.errors import ParseError, UsageError
from securemnist.input_spec import composed
from securemnist.results.validation_text import sentence

KEY = "$KEY"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PLAIN = re.compile(r"[!-\[\]-~]+")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_USER = re.compile(r"//[^/]*@")  # user and password in an address
_USUAL_BATCH = 32
# Fields that say how fast and how often it is asked, and not which model answers.
_LOAD = {
    *("concurrency", "rate", "timeout", "retries", "longest_wait"),
    *("queries", "row_queries", "batch"),
}


class Description(Strict):
    """An endpoint that classifies images, as its TOML file describes it (docs/endpoint.md)."""

    uri: str
    request: str = '{"$image": {"as": "png"}}'
    upload: str | None = None
    method: Literal["POST", "PUT"] = "POST"
    headers: dict[str, str] = Field(default_factory=dict, max_length=50)
    key_env: str | None = None
    scores: str | None = None
    labels: str | None = None
    kind: Literal["auto", "probabilities", "logits"] = "auto"
    classes: tuple[str, ...] = Field(default=(), strict=False)
    batch: int | None = Field(default=None, ge=1, le=1024)
    concurrency: int = Field(default=4, ge=1, le=32)
    rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    timeout: float = Field(default=30.0, gt=0, le=600)
    throttled: tuple[int, ...] = Field(default=(429, 503), strict=False)
    retries: int = Field(default=5, ge=0, le=20)
    longest_wait: float = Field(default=60.0, gt=0, le=3600)
    answer_bytes: int = Field(default=16 << 20, ge=1 << 10, le=256 << 20)
    queries: int = Field(default=1_000_000, ge=1)
    row_queries: int = Field(default=200_000, ge=1)
    verify: bool = True
    authority: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    use_proxies: bool = False

    @field_validator("uri")
    @classmethod
    def _address(cls, uri: str) -> str:
        parts = urlsplit(uri)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"expected an address https://HOST/PATH, got {_USER.sub('//', uri)!r:.80}"
            )
        if "@" in parts.netloc or "#" in uri:
            raise ValueError("expected an address without user, password and fragment")
        # Line breaks and backslashes are read differently by different parsers.
        if not _PLAIN.fullmatch(uri) or parts.port == 0:
            raise ValueError("expected printable ASCII characters without a backslash, and a port")
        return uri

    @field_validator("request")
    @classmethod
    def _valid_template(cls, request: str) -> str:
        try:
            Template.parse(request)
        except ParseError as error:
            raise ValueError(f"expected a JSON template, got {error}") from error
        return request

    @field_validator("upload")
    @classmethod
    def _valid_upload(cls, upload: str | None) -> str | None:
        if upload is not None and not UPLOAD.fullmatch(upload):
            raise ValueError(f'expected "body" or "form:FIELD", got {upload!r:.80}')
        return upload

    @field_validator("scores", "labels")
    @classmethod
    def _valid_path(cls, path: str | None) -> str | None:
        try:
            _ = None if path is None else jsonpath_rfc9535.compile(path)
        except jsonpath_rfc9535.JSONPathError as error:
            raise ValueError(f"expected a JSONPath (RFC 9535), got {path!r:.80}") from error
        return path

    @field_validator("headers")
    @classmethod
    def _valid_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER.fullmatch(name) or not value.isprintable() or not value.isascii():
                raise ValueError(f"expected a header of printable characters, got {name!r:.40}")
        return headers

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.scores is None and self.labels is None:
            raise ValueError("expected `scores` or `labels`, the JSONPath of the answer")
        used = any(KEY in value for value in self.headers.values())
        if used != (self.key_env is not None):
            raise ValueError(f"expected `key_env` and {KEY} in a header, got one without the other")
        if used and in_plain_text(self.uri):
            raise ValueError("expected https:// for an endpoint with a key, got http://")
        if (self.batch or 1) > 1 and not self.template.several:
            raise ValueError('`batch` above 1 needs a template with {"$images": ...}')
        if self.upload and self.template.value != {"$image": {"as": "png"}}:
            raise ValueError("expected no `request` beside `upload`, which sends one image as PNG")
        if not self.upload and "request" not in self.model_fields_set:
            raise ValueError("expected `request`, or `upload` for a service that takes a file")
        if (self.upload or "").startswith(FORM) and self._states_type:
            raise ValueError("expected no header Content-Type beside a form, which has its own")
        if self.client_key is not None and self.client_certificate is None:
            raise ValueError("expected `client_certificate` beside `client_key`")
        if len(set(map(composed, self.classes))) != len(self.classes):
            raise ValueError("expected different names in `classes`, got one twice")
        return self

    @cached_property
    def template(self) -> Template:
        return Template.parse(self.request)

    def body(self, numbers: np.ndarray) -> bytes:
        """The content of a request for images `numbers` (n, C, H, W) of `Pixels.numbers`."""
        if self.upload is None:
            return self.template.body(numbers)
        (text,) = self.template.pixels.encoded(numbers)
        return packed(self.upload, base64.b64decode(text))

    @property
    def types(self) -> dict[str, str]:
        """The header of a request that names its type, unless `headers` does."""
        return {} if self._states_type else {"Content-Type": content_type(self.upload)}

    @property
    def _states_type(self) -> bool:
        return any(name.lower() == "content-type" for name in self.headers)

    @property
    def host(self) -> str:
        return urlsplit(self.uri).hostname or ""

    @property
    def name(self) -> str:
        """Host and path, for messages and reports: a query may hold a secret."""
        parts = urlsplit(self.uri)
        return f"{parts.netloc}{parts.path}"

    @property
    def largest_batch(self) -> int:
        """Most images of a request, before the probe."""
        return self.batch or (_USUAL_BATCH if self.template.several else 1)

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides what is sent and how an answer is read; of no key."""
        return sha256_of_value(self.model_dump(mode="json", exclude=_LOAD))

    def key(self) -> str | None:
        """The key from the environment; UsageError where the variable is not set."""
        if self.key_env is None:
            return None
        key = os.environ.get(self.key_env, "")
        if not key or not (key.isprintable() and key.isascii()):
            raise UsageError(
                f"expected the key of {self.name} in the environment variable {self.key_env}, got "
                f"{'an unprintable one' if key else 'none'}; set it"
            )
        return key


def in_plain_text(uri: str) -> bool:
    """Whether others on the network could read what is sent to this address."""
    parts = urlsplit(uri)
    return parts.scheme != "https" and parts.hostname not in _LOOPBACK


def read(path: Path) -> Description:
    """The description in a TOML file; its paths are relative to it. UsageError for any other file."""
    table = toml_file(path, "the description of an endpoint")
    for field in ("authority", "client_certificate", "client_key"):
        if isinstance(table.get(field), str):
            table[field] = str(path.parent / table[field])
    return described(table, str(path))


def described(table: dict[str, Any], where: str) -> Description:
    where = _USER.sub("//", where)
    try:
        return Description.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        reason = str(first["msg"]).removeprefix("Value error, ")
        known = ", ".join(Description.model_fields)
        if first["type"] == "extra_forbidden":
            reason = f"expected fields of {known}, got another"
        elif first["type"] != "value_error":
            raise UsageError(f"{where}: {sentence(error, table)}") from error
        raise UsageError(
            f"{where}: {field + ': ' if field else ''}{reason:.400}; fix it"
        ) from error
