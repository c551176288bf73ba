"""The models of a service, and a bounded queue in front of the one thread that computes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from securemnist.data import DataSet
from securemnist.input_spec import InputSpec
from securemnist.models.loading import Subject
from securemnist.serve.record import Observer
from securemnist.serve.refusal import Overloaded
from securemnist.serve.worker import Classification, Task, Worker
from securemnist.types import Images, Logits

BATCH = 64
WAITING_IMAGES = 1024
WAITING_TASKS = 4


@dataclass(frozen=True)
class ServedModel:
    """A model under its name: eval mode, images of `spec` -> logits (n, K); `digest` of its tensors."""

    name: str
    module: nn.Module
    spec: InputSpec
    digest: str

    @classmethod
    def of(cls, subject: Subject, spec: InputSpec) -> ServedModel:
        return cls(subject.name, subject.model, spec, subject.digest)


class Service:
    """Answers for one or several models, of which the first is the default.

    `waiting_images`, `waiting_tasks`: the most that are queued or in work; more raise Overloaded.
    `data`: test images for the page. `observers` get the record of each request (`record.py`).
    """

    def __init__(
        self,
        models: tuple[ServedModel, ...],
        *,
        batch: int = BATCH,
        waiting_images: int = WAITING_IMAGES,
        waiting_tasks: int = WAITING_TASKS,
        data: DataSet | None = None,
    ) -> None:
        self.models = models
        self.data = data
        self.observers: list[Observer] = []
        self._worker = Worker(batch)
        self._limits = waiting_images, waiting_tasks
        self._images = self._tasks = 0

    @property
    def names(self) -> dict[str, str]:
        return {model.digest: model.name for model in self.models}

    def find(self, name: str) -> ServedModel | None:
        return next((model for model in self.models if model.name == name), None)

    async def logits(self, model: ServedModel, images: Images) -> Logits:
        """Logits (n, K) of images float32 (n, C, H, W) in [0, 1]; Overloaded where the queue is full.

        Images of several requests share a batch.
        """
        size = len(images)
        if self._images + size > self._limits[0]:
            raise Overloaded
        self._images += size

        def done() -> None:
            self._images -= size

        future = asyncio.get_running_loop().create_future()
        job = Classification(future, done, model.module, images)
        result: Logits = await self._queued(job)
        return result

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """The value of `function(*args)`, computed between batches; Overloaded with too many waiting.

        Where the function is a generator function, images are classified at each of its `yield`s, and
        the value that it returns is the result.
        """
        if self._tasks >= self._limits[1]:
            raise Overloaded(5)
        self._tasks += 1

        def done() -> None:
            self._tasks -= 1

        future = asyncio.get_running_loop().create_future()
        return await self._queued(Task(future, done, lambda: function(*args)))

    async def _queued(self, job: Classification | Task) -> Any:
        try:
            self._worker.add(job)
        except RuntimeError:
            job.done()
            raise Overloaded from None
        return await job.future

    def close(self, timeout: float | None = None) -> None:
        """Finish what is queued, then end the thread; later requests raise Overloaded."""
        self._worker.close(timeout)
