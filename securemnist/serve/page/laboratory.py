"""The models that the page shows, and what is computed for one image: certificate and attack."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Generator

from securemnist._util.hashing import sha256
from securemnist.data import DataSet
from securemnist.errors import MeasureError, NoCertificate
from securemnist.evaluation.context import Context
from securemnist.models.loading import Subject
from securemnist.serve.page.certified_radius import certified_radius
from securemnist.serve.page.nearest import Nearest, nearest
from securemnist.serve.service import ServedModel
from securemnist.types import Images

# Processor seconds after which a search begins nothing new; below the service's limit of an answer.
SECONDS = 10.0
_KEPT = 256


class Laboratory:
    """`models` take images of one form. Its generators run in the thread of the service.

    `data`: checks of the predictions, and the attacks' targets, need some of its test images.
    """

    def __init__(self, models: tuple[ServedModel, ...], data: DataSet) -> None:
        first = models[0].spec
        form = (first.shape, first.classes)
        self.models = tuple(m for m in models if (m.spec.shape, m.spec.classes) == form)
        self.data = data
        self._contexts: dict[str, Context] = {}
        self._radii: OrderedDict[tuple[str, str], float] = OrderedDict()

    def prepare(self) -> Generator[None, None, None]:
        """Read and check each model's network, which takes a second at its first certificate."""
        image = self.data.test[:1].images()
        for model in self.models:
            with contextlib.suppress(NoCertificate):
                yield from certified_radius(self._context(model), image, 0, 0.0)

    def radius(self, model: ServedModel, image: Images, label: int) -> Generator[None, None, float]:
        proved = yield from certified_radius(self._context(model), image, label, SECONDS)
        self._radii[_key(model, image)] = proved
        if len(self._radii) > _KEPT:
            self._radii.popitem(last=False)
        return proved

    def attack(
        self, model: ServedModel, image: Images, label: int
    ) -> Generator[None, None, Nearest | None]:
        """The nearest adversarial image found; MeasureError for one inside the certified radius."""
        found = yield from nearest(self._context(model), image, label, SECONDS)
        proved = self._radii.get(_key(model, image), 0.0)
        if found is not None and found.distance <= proved:
            raise MeasureError(
                f"expected no adversarial image within the certified {proved:g}, got one at "
                f"{found.distance:g}; this is an error of the certificates, report it"
            )
        return found

    def _context(self, model: ServedModel) -> Context:
        if model.name not in self._contexts:
            subject = Subject(model.module, model.name, "", type(model.module).__name__)
            self._contexts[model.name] = Context(subject, self.data, doubts=())
        return self._contexts[model.name]


def _key(model: ServedModel, image: Images) -> tuple[str, str]:
    return model.digest, sha256(image.contiguous().cpu().numpy().tobytes())
