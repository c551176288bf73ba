"""`POST /v2/models/NAME/infer`."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from securemnist.errors import ParseError
from securemnist.serve.protocol.json_body import parsed
from securemnist.serve.protocol.outputs import NAMES, outputs
from securemnist.serve.protocol.tensor import images_of
from securemnist.serve.record import draft_of
from securemnist.serve.refusal import Refusal
from securemnist.serve.service import ServedModel, Service
from securemnist.serve.settings import Settings

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_KEYS = {"id", "parameters", "inputs", "outputs"}


async def infer(request: Request) -> JSONResponse:
    service: Service = request.app.state.service
    settings: Settings = request.app.state.settings
    model, state = model_of(request), draft_of(request.scope)
    content_type = request.headers.get("content-type", "application/json")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Refusal(
            415, "expected a body of application/json, got another type; fix Content-Type"
        )
    most = settings.images
    try:
        body = parsed(await request.body(), most_numbers=most * model.spec.size)
    except ParseError as error:
        raise Refusal(400, f"expected JSON, got {_without_quotes(error)}; fix the body") from None
    wanted = _wanted(body, labels_only=settings.labels_only)
    state.model, state.request = model.digest, body.get("id", "")
    state.images = images_of(body["inputs"][0], model.spec, most)
    state.logits = await service.logits(model, state.images)
    answer: dict[str, Any] = {"model_name": model.name}
    if "id" in body:
        answer["id"] = body["id"]
    decimals = settings.decimals if settings.has("rounding") else None
    answer["outputs"] = outputs(state.logits, wanted, decimals)
    return JSONResponse(answer)


def model_of(request: Request) -> ServedModel:
    """The model that the path names; Refusal with 404 for an unknown one."""
    model: ServedModel | None = request.app.state.service.find(request.path_params["name"])
    if model is None:
        raise Refusal(404, "expected the name of a model, got an unknown one; GET /v2 names them")
    return model


def _without_quotes(error: ParseError) -> str:
    """The kind of the error; what it quotes of the body is left out."""
    reason = re.sub(r"^\S+(?=, which)", "a number", str(error))
    return re.split(r"['\"(]", reason, maxsplit=1)[0].strip().partition(":")[0]


def _wanted(body: dict[str, Any], *, labels_only: bool) -> tuple[str, ...]:
    """The names of the outputs that a request asks for; Refusal for a malformed envelope."""
    inputs = body.get("inputs")
    if set(body) - _KEYS or not isinstance(inputs, list) or len(inputs) != 1:
        raise Refusal(
            400, "expected one input and no unknown keys, got something else; fix the body"
        )
    if "id" in body and not (isinstance(body["id"], str) and _ID.fullmatch(body["id"])):
        raise Refusal(
            400, "expected an id of 1 to 64 letters, digits, '.', '_', ':' or '-'; fix it"
        )
    if not isinstance(body.get("parameters", {}), dict):
        raise Refusal(400, "expected parameters as an object, got something else; fix the body")
    known = NAMES[:1] if labels_only else NAMES
    if "outputs" not in body:
        return known
    names = _names(body["outputs"])
    if not names or any(name not in known for name in names) or len(set(names)) < len(names):
        raise Refusal(400, f"expected outputs of {', '.join(known)}, got others; fix the body")
    return tuple(names)


def _names(wanted: Any) -> list[str]:
    """The names in a list of outputs; empty for anything else."""
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        return []
    names = [one.get("name") for one in wanted]
    return [name for name in names if isinstance(name, str)] if all(names) else []
