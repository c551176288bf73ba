"""A service of the user's, by the address that the row names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from securemnist._util.parsing import json_object
from securemnist.errors import MeasureError, NotApplicable, ParseError
from securemnist.evaluation.context import Context
from securemnist.service_probes.target import Target, sample_of

_PATH = re.compile(r"/v2/models/([^/]+)")
_PLAIN = re.compile(r"[!-?A-\[\]-~]+")
_DATATYPES = ("UINT8", "FP32")


def split(endpoint: str) -> tuple[str, str]:
    """The address without a path, and the name of the model; ValueError for another form."""
    parts = urlsplit(endpoint)
    path = _PATH.fullmatch(parts.path)
    usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    # http://HOST@OTHER/ asks OTHER; urlsplit leaves line breaks out, and a backslash is read differently.
    plain = _PLAIN.fullmatch(endpoint) is not None
    if not usable or not plain or path is None or parts.query or parts.fragment:
        raise ValueError(
            f"expected an endpoint as https://HOST/v2/models/NAME, got {endpoint!r:.100}"
        )
    return f"{parts.scheme}://{parts.netloc}", path[1]


def endpoint_target(
    context: Context, endpoint: str, token_env: str | None, most_requests: int, timeout: float
) -> Target:
    """The service at an address, after a look at its metadata.

    NotApplicable without the named environment variable, or where the model takes other images than
    the data has; MeasureError where the service does not answer.
    """
    token = None
    if token_env is not None:
        token = os.environ.get(token_env)
        if not token:
            raise NotApplicable(
                f"expected a token in the environment variable {token_env}, got none"
            )
    url, model = split(endpoint)
    spec = context.data.spec
    images = sample_of(context.data)
    target = Target(url, model, spec, images, token, timeout=timeout, most_requests=most_requests)
    try:
        target.input = _input_of(target, endpoint)
    except BaseException:
        target.__exit__()
        raise
    return target


def _input_of(target: Target, endpoint: str) -> Mapping[str, str]:
    """Name and datatype of the input by the metadata, which a service may refuse without a token."""
    reply = target.send("GET", target.metadata_path)
    if target.token is None and reply.status in (401, 403):
        return target.input
    if not reply.accepted:
        raise MeasureError(f"expected metadata of the model at {endpoint}, got {reply}; check it")
    return _input(reply.text, target.spec.shape)


def _input(text: str, shape: tuple[int, ...]) -> dict[str, str]:
    """Name and datatype of the one input; NotApplicable where it has another shape."""
    try:
        (one,) = json_object(text.encode())["inputs"]
        name, datatype, sizes = str(one["name"]), str(one["datatype"]), [*one["shape"]]
    except (ParseError, ValueError, KeyError, TypeError):
        raise MeasureError(
            "expected metadata with one input, got others; check `endpoint`"
        ) from None
    if sizes[1:] != list(shape) or datatype not in _DATATYPES:
        raise NotApplicable(
            f"the model takes {datatype:.20} of shape {sizes!s:.60}, the data has {[-1, *shape]}"
        )
    return {"name": name, "datatype": datatype}
