"""The description of a model that speaks the Open Inference Protocol v2, from its own metadata.

https://github.com/kserve/open-inference-protocol, as KServe, Triton, MLServer and OpenVINO speak it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from securemnist._util.parsing import json_object
from securemnist.endpoint.client import Client
from securemnist.endpoint.description import Description, described
from securemnist.errors import ModelError, ParseError
from securemnist.input_spec import InputSpec

_ADDRESS = re.compile(r"https?://[^?#]+/v2/models/[^/?#]+(/versions/[^/?#]+)?")
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_ADVICE = "describe the endpoint in a TOML file (docs/endpoint.md)"
# The environment variable of a bearer token, used where it is set.
KEY_ENV = "SECUREMNIST_KEY"
_VALUES = {"UINT8": "uint8", "FP32": "float"}


def is_address(spec: str) -> bool:
    """Whether this is the address of a model, https://HOST/v2/models/NAME."""
    return _ADDRESS.fullmatch(spec) is not None


def ask(address: str, spec: InputSpec, *, key: bool) -> Description:
    """The description of the model at an address; `key`: a bearer token is in SECUREMNIST_KEY.

    ModelError where its metadata do not fit images of `spec`, NoAnswer where there are none.
    """
    secret: dict[str, Any] = {}
    if key:
        secret = {"key_env": KEY_ENV, "headers": {"Authorization": "Bearer $KEY"}}
    found = {
        "uri": f"{address}/infer",
        "request": '{"$image":{"as":"list"}}',
        "scores": "$",
    } | secret
    client = Client(described(found, address))
    try:
        metadata = json_object(client.get(address))
    except ParseError as error:
        raise ModelError(f"{address}: expected metadata in JSON, got {error}; {_ADVICE}") from error
    finally:
        client.close()
    request, path = _request(metadata, spec, address), _path(metadata, spec, address)
    return described({"uri": f"{address}/infer", "request": request} | path | secret, address)


def _request(metadata: dict[str, Any], spec: InputSpec, address: str) -> str:
    given = metadata.get("inputs")
    inputs = given if isinstance(given, list) else []
    usable = [
        one for one in inputs if isinstance(one, dict) and str(one.get("datatype")) in _VALUES
    ]
    if len(inputs) != 1 or not usable:
        raise ModelError(
            f"{address}: expected one input of {' or '.join(_VALUES)}, got others; {_ADVICE}"
        )
    first = usable[0]
    values, sizes = _VALUES[first["datatype"]], first.get("shape")
    images = {"as": "flat", "values": values, "joined": True}
    channels, height, width = spec.shape
    forms = {
        (channels, height, width): ("NCHW", "CHW"),
        (height, width, channels): ("NHWC", "HWC"),
        (spec.size,): ("NF", "CHW"),
    }
    whole = isinstance(sizes, list) and all(type(size) is int for size in sizes)
    form = forms.get(tuple(sizes[1:])) if whole and isinstance(sizes, list) else None
    if form is None:
        raise ModelError(
            f"{address}: expected an input for images {spec}, got the shape {sizes!s:.80}; use data of "
            f"that shape, or {_ADVICE}"
        )
    tensor = {
        "name": str(first.get("name", "")),
        "shape": {"$shape": form[0]},
        "datatype": first["datatype"],
        "data": {"$images": images | {"layout": form[1]}},
    }
    return json.dumps({"inputs": [tensor]})


def _path(metadata: dict[str, Any], spec: InputSpec, address: str) -> dict[str, str]:
    """Where the scores are: the first output with one number for each class, else a label."""
    given = metadata.get("outputs")
    outputs = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    sizes = [one.get("shape") for one in outputs]
    rows = [size[1:] if isinstance(size, list) and size else None for size in sizes]
    for number, row in enumerate(rows):
        if row == [spec.classes]:
            return {"scores": _data_of(outputs[number], number)}
    # Labels where there are no scores: scores of another number of classes fit no label, either.
    for number, row in enumerate(rows):
        if row in ([], [1]) and all(other in ([], [1], None) for other in rows):
            return {"labels": _data_of(outputs[number], number)}
    raise ModelError(
        f"{address}: expected an output of {spec.classes} scores or of labels, got none; {_ADVICE}"
    )


def _data_of(output: dict[str, Any], number: int) -> str:
    """The JSONPath of an output's data, by its name where that needs no quoting."""
    name = output.get("name")
    if isinstance(name, str) and _PLAIN.fullmatch(name):
        return f"$.outputs[?@.name == '{name}'].data"
    return f"$.outputs[{number}].data"
