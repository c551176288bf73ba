"""A small service with images of 8x8, and rows judged through it."""

from __future__ import annotations

from typing import Any

from securemnist import assessing
from securemnist.data import DataSet
from securemnist.endpoint.network import RemoteModel
from securemnist.evaluation.context import Context
from securemnist.models.loading import Subject
from securemnist.results.findings import Finding
from tests.endpoint.conftest import RANKED, table
from tests.endpoint.service import Service
from tests.requirement_builders import row

FLAT = '{"instances": {"$images": {"as": "list", "layout": "HWC"}}}'


def context_of(service: Service, images: DataSet, **more: Any) -> Context:
    """The context of the service, which reads bytes or floats; images of 8x8."""
    service.shape = (1, 8, 8)
    uint8 = more.pop("uint8", True)
    if uint8:
        honest = service.classify
        service.classify = lambda x: honest(x / 255)
    changes = {"request": FLAT} if uint8 else {"request": RANKED["request"]}
    description = table(service, **changes | more)
    model = RemoteModel(description, images.spec)
    subject = Subject(model, description.name, "endpoint.toml", "endpoint")
    return Context(subject, images)


def judged(context: Context, **settings: Any) -> Finding:
    """The finding of a robust_accuracy row: Square with 40 queries on 60 images, unless changed."""
    requirement = {key: settings.pop(key) for key in ("at_least", "measure") if key in settings}
    attack = {"use": "Square", "queries": 40}
    chosen = {"threat": {"norm": "linf", "eps": 0.01}, "attack": attack, "images": 60} | settings
    if requirement.get("measure", "robust_accuracy") != "robust_accuracy":
        chosen = settings
    return assessing.judge(context, row(settings=chosen, **{"at_least": 0.5} | requirement))
