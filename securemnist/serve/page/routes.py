"""The requests of the page: an image from a drawing, a file or the test split, and what follows from it.

An image travels as its bytes, one a value, so that certificate and attack get what was classified.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import math
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import torch
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from securemnist.data import DataSet
from securemnist.data.samples import as_images
from securemnist.errors import DataError, NoCertificate
from securemnist.serve.page import assets, drawing, payload
from securemnist.serve.page.certified_radius import LARGEST
from securemnist.serve.page.laboratory import Laboratory
from securemnist.serve.record import draft_of
from securemnist.serve.refusal import Overloaded, Refusal
from securemnist.serve.routes import Path
from securemnist.serve.service import ServedModel, Service
from securemnist.serve.settings import Settings
from securemnist.types import Images

log = logging.getLogger("securemnist")
_DECIMALS = 1e4
Handler = Callable[[Request], Awaitable[dict[str, Any]]]


def routes(service: Service, settings: Settings) -> tuple[Path, ...]:
    """The paths of the page; none where the settings leave it out."""
    if not settings.page:
        return ()
    requests = _Requests(service, settings)
    return (
        *assets.paths(),
        _path("/page/models", "GET", requests.models),
        _path("/page/drawing", "POST", requests.drawing),
        _path("/page/picture", "POST", requests.picture),
        _path("/page/test-image", "POST", requests.test_image),
        _path("/page/certificate", "POST", requests.certificate),
        _path("/page/attack", "POST", requests.attack),
    )


def _path(path: str, method: str, handler: Handler) -> Path:
    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(await handler(request))
        except DataError as error:
            raise Refusal(400, str(error)) from None

    return Path(path, method, answer)


class _Requests:
    """One method a request; each returns the object that the page gets."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self.service, self.settings = service, settings
        self.data: DataSet | None = service.data
        self.laboratory = Laboratory(service.models, self.data) if self.data else None
        self.shown = self.laboratory.models if self.laboratory else service.models[:1]
        self.spec = service.models[0].spec
        self.preparation: asyncio.Task[None] | None = None

    async def models(self, _request: Request) -> dict[str, Any]:
        """What the page offers. The first page that is opened prepares the certificates."""
        if self.laboratory is not None and self.preparation is None:
            self.preparation = asyncio.create_task(self._prepare(self.laboratory))
        return {
            "models": [{"name": model.name, "digest": model.digest} for model in self.shown],
            "classes": [self.spec.name_of(label) for label in range(self.spec.classes)],
            "height": self.spec.height,
            "width": self.spec.width,
            "drawing": drawing.can_be_drawn(self.spec),
            "upload": payload.can_be_uploaded(self.spec),
            "data": None if self.data is None else self.data.name,
            "certificates": self.laboratory is not None,
            "attacks": self.laboratory is not None and self.settings.shows_attacks,
            "largest": LARGEST,
        }

    async def drawing(self, request: Request) -> dict[str, Any]:
        if not drawing.can_be_drawn(self.spec):
            raise DataError("expected a model of small grey images for a drawing, got another one")
        grid = drawing.grid(await request.body())
        return await self._classified(request, drawing.prepared(grid, self.spec.height))

    async def picture(self, request: Request) -> dict[str, Any]:
        content = await request.body()
        pixels = await self.service.run(payload.uploaded, content, self.spec)
        return await self._classified(request, pixels)

    async def test_image(self, request: Request) -> dict[str, Any]:
        """A random image of the test split with its label, and what each model answers."""
        if self.data is None:
            raise DataError("expected a data set for test images, got none; start with --data")
        place = secrets.randbelow(len(self.data.test))
        sample = self.data.test[place : place + 1]
        pixels = sample.pixels.clone()
        if pixels.is_floating_point():
            pixels = (pixels * 255).round().to(torch.uint8)
        answer = await self._classified(request, pixels)
        return {**answer, "place": place, "truth": int(sample.labels[0])}

    async def _classified(self, request: Request, pixels: torch.Tensor) -> dict[str, Any]:
        images = as_images(pixels)
        logits = [await self.service.logits(model, images) for model in self.shown]
        record = draft_of(request.scope)
        record.model, record.images, record.logits = self.shown[0].digest, images, logits[0]
        beside = zip(self.shown[1:], logits[1:], strict=True)
        record.further += [(model.digest, images, one) for model, one in beside]
        predictions = [payload.prediction(one, self.settings) for one in logits]
        return {"image": payload.image(pixels), "predictions": predictions}

    async def certificate(self, request: Request) -> dict[str, Any]:
        """The epsilon up to which the class of an image is proved; None without certificates."""
        laboratory, model, images = await self._chosen(request)
        label = await self._label(request, model, images)
        try:
            proved = await self.service.run(laboratory.radius, model, images, label)
        except NoCertificate as error:
            log.info("no certificate of %s: %s", model.name, error)
            return {"label": label, "proved": None}
        return {"label": label, "proved": math.floor(proved * _DECIMALS) / _DECIMALS}

    async def attack(self, request: Request) -> dict[str, Any]:
        """The nearest adversarial image found, and what each model answers to it."""
        if not self.settings.shows_attacks:
            raise Refusal(403, "expected attacks to be switched on, got them off; see the settings")
        laboratory, model, images = await self._chosen(request)
        label = await self._label(request, model, images)
        found = await self.service.run(laboratory.attack, model, images, label)
        if found is None:
            return {"label": label, "distance": None}
        others = [await self.service.logits(other, found.image) for other in self.shown]
        answered = zip(self.shown, others, strict=True)
        draft_of(request.scope).further += [(m.digest, found.image, one) for m, one in answered]
        return {
            "label": label,
            "distance": math.ceil(found.distance * _DECIMALS) / _DECIMALS,
            "prediction": found.prediction,
            "image": payload.image(found.image),
            "predictions": [payload.prediction(one, self.settings) for one in others],
        }

    async def _prepare(self, laboratory: Laboratory) -> None:
        # Most of the work is this import, which keeps no request waiting in another thread.
        await asyncio.to_thread(importlib.import_module, "torch._dynamo")
        with contextlib.suppress(Overloaded):
            await self.service.run(laboratory.prepare)

    async def _chosen(self, request: Request) -> tuple[Laboratory, ServedModel, Images]:
        """The model that a request names by its place, and its image."""
        if self.laboratory is None:
            raise DataError("expected a data set for checks of the model, got none; add --data")
        place = request.query_params.get("model", "")
        if place not in map(str, range(len(self.shown))):
            raise DataError("expected the place of a model of this page, got another; reload it")
        images = as_images(payload.pixels_of(await request.body(), self.spec))
        draft_of(request.scope).model = self.shown[int(place)].digest
        return self.laboratory, self.shown[int(place)], images

    async def _label(self, request: Request, model: ServedModel, images: Images) -> int:
        logits = await self.service.logits(model, images)
        draft_of(request.scope).further.append((model.digest, images, logits))
        return int(logits[0].argmax())
