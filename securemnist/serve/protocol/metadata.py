"""Health and metadata of the protocol; no version of the software is named."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from securemnist.serve.protocol.infer import model_of
from securemnist.serve.protocol.openapi import description
from securemnist.serve.protocol.outputs import LABEL, PROBABILITIES
from securemnist.serve.protocol.tensor import DATATYPES, INPUT

PROTOCOL = "2"


async def live(_request: Request) -> JSONResponse:
    return JSONResponse({"live": True})


async def ready(_request: Request) -> JSONResponse:
    """The models answer: they are loaded before the first request."""
    return JSONResponse({"ready": True})


async def model_ready(request: Request) -> JSONResponse:
    return JSONResponse({"name": model_of(request).name, "ready": True})


async def server(request: Request) -> JSONResponse:
    names = [model.name for model in request.app.state.service.models]
    return JSONResponse(
        {"name": "securemnist", "version": PROTOCOL, "extensions": [], "models": names}
    )


async def model(request: Request) -> JSONResponse:
    """The tensors of a model. Values are in [0, 1] as FP32, in 0 to 255 as UINT8."""
    served = model_of(request)
    shape = [-1, *served.spec.shape]
    results = [{"name": LABEL, "datatype": "INT64", "shape": [-1]}]
    if not request.app.state.settings.labels_only:
        results.append(
            {"name": PROBABILITIES, "datatype": "FP32", "shape": [-1, served.spec.classes]}
        )
    return JSONResponse(
        {
            "name": served.name,
            "versions": [],
            "platform": "image-classifier",
            "inputs": [{"name": INPUT, "datatype": kind, "shape": shape} for kind in DATATYPES[:1]],
            "outputs": results,
        }
    )


async def openapi(request: Request) -> JSONResponse:
    state = request.app.state
    return JSONResponse(description(state.service.models, state.settings))
