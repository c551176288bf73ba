"""Endpoints by SPEC: https://HOST/v2/models/NAME, or a description in FILE.toml."""

from __future__ import annotations

import os
from pathlib import Path

from securemnist.endpoint.description import read
from securemnist.endpoint.network import RemoteModel
from securemnist.errors import UsageError
from securemnist.input_spec import InputSpec

# One of each in a process: its runs share the budget. Each drops what the one before was answered.
_OPENED: dict[tuple[str, InputSpec], RemoteModel] = {}


def is_endpoint(spec: str) -> bool:
    return spec.startswith(("http://", "https://")) or spec.endswith(".toml")


def load(spec: str, input_spec: InputSpec) -> RemoteModel:
    """The served model of a SPEC, for images of `input_spec`; UsageError, ModelError or NoAnswer."""
    from securemnist.endpoint import inference_protocol  # HTTP is loaded where it is needed

    if spec.endswith(".toml"):
        description = read(Path(spec))
    elif inference_protocol.is_address(spec):
        key = inference_protocol.KEY_ENV in os.environ
        description = inference_protocol.ask(spec, input_spec, key=key)
    else:
        raise UsageError(
            f"expected an endpoint as https://HOST/v2/models/NAME, got {spec!r:.120}; describe another "
            "one in a TOML file and pass --endpoint FILE.toml"
        )
    identity = (description.model_dump_json(), input_spec)
    if identity not in _OPENED:
        _OPENED[identity] = RemoteModel(description, input_spec)
    return _OPENED[identity]
