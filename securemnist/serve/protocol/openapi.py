"""The OpenAPI description of the protocol, for the models of a service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from securemnist.serve.protocol.outputs import NAMES
from securemnist.serve.protocol.tensor import DATATYPES, INPUT
from securemnist.serve.service import ServedModel
from securemnist.serve.settings import Settings

_REFUSALS = {
    400: "a malformed request",
    401: "no valid token",
    403: "another origin",
    404: "an unknown model",
    408: "a body that came too slowly",
    413: "a body above the limit",
    415: "a body that is not JSON",
    421: "another host",
    429: "too many requests of this client",
    503: "too many requests at a time",
}
_NUMBERS = {"type": "array", "items": {"type": "number"}}
_SIZE = {"type": "integer", "minimum": 1}


def description(models: Sequence[ServedModel], settings: Settings) -> dict[str, Any]:
    named = [_parameter([model.name for model in models])]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Open Inference Protocol", "version": "2"},
        "paths": {
            "/v2": {"get": _get("server metadata")},
            "/v2/health/live": {"get": {**_get("liveness"), "security": []}},
            "/v2/health/ready": {"get": {**_get("readiness"), "security": []}},
            "/v2/openapi.json": {"get": _get("this description")},
            "/v2/models/{name}": {"get": _get("model metadata"), "parameters": named},
            "/v2/models/{name}/ready": {"get": _get("readiness of a model"), "parameters": named},
            "/v2/models/{name}/infer": {"post": _infer(models, settings), "parameters": named},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"error": _object({"error": {"type": "string"}})},
        },
        "security": [{"token": []}],
    }


def _parameter(names: list[str]) -> dict[str, Any]:
    schema = {"type": "string", "enum": names}
    return {"name": "name", "in": "path", "required": True, "schema": schema}


def _object(properties: dict[str, Any], optional: Sequence[str] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _responses(schema: dict[str, Any]) -> dict[str, Any]:
    error = _json({"$ref": "#/components/schemas/error"})
    refusals = {
        str(status): {"description": text, "content": error} for status, text in _REFUSALS.items()
    }
    return {"200": {"description": "an answer", "content": _json(schema)}, **refusals}


def _get(summary: str) -> dict[str, Any]:
    return {"summary": summary, "responses": _responses({"type": "object"})}


def _infer(models: Sequence[ServedModel], settings: Settings) -> dict[str, Any]:
    names = list(NAMES[:1] if settings.labels_only else NAMES)
    shape = {"type": "array", "items": _SIZE, "minItems": 4, "maxItems": 4}
    tensor = {
        "name": {"const": INPUT},
        "shape": {
            **shape,
            "description": "; ".join(f"{m.name}: [n, C, H, W] = {m.spec.shape}" for m in models),
        },
        "datatype": {"enum": list(DATATYPES)},
        "data": {**_NUMBERS, "description": "row-major; FP32 from 0 to 1, UINT8 from 0 to 255"},
        "parameters": {"type": "object"},
    }
    wanted = {"type": "array", "minItems": 1, "items": _object({"name": {"enum": names}})}
    request = {
        "id": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"},
        "parameters": {"type": "object"},
        "inputs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": _object(tensor, ["parameters"]),
        },
        "outputs": wanted,
    }
    body = _json(_object(request, ["id", "parameters", "outputs"]))
    return {
        "summary": f"labels and probabilities of 1 to {settings.images} images",
        "requestBody": {"required": True, "content": body},
        "responses": _responses(_answer(names)),
    }


def _answer(names: list[str]) -> dict[str, Any]:
    output = {
        "name": {"enum": names},
        "datatype": {"enum": ["INT64", "FP32"]},
        "shape": {"type": "array", "items": _SIZE},
        "data": _NUMBERS,
    }
    answer = {
        "model_name": {"type": "string"},
        "id": {"type": "string"},
        "outputs": {"type": "array", "items": _object(output)},
    }
    return _object(answer, ["id"])
