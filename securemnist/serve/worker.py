"""One thread that computes: images of several requests in common batches, other tasks between them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from securemnist.errors import ModelError
from securemnist.models.predictions import exact
from securemnist.types import Images


@dataclass
class Job:
    """The future of a result; `done` is called before it is set."""

    future: asyncio.Future[Any]
    done: Callable[[], None]

    def answer(self, value: Any = None, error: BaseException | None = None) -> None:
        """Give the result to the waiting coroutine; it may be gone by now."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self.future.get_loop().call_soon_threadsafe(self._set, value, error)

    def _set(self, value: Any, error: BaseException | None) -> None:
        self.done()
        if self.future.done():
            return
        if error is None:
            self.future.set_result(value)
        else:
            self.future.set_exception(error)


@dataclass
class Classification(Job):
    """Images for a module."""

    module: nn.Module
    images: Images


@dataclass
class Task(Job):
    """A function to call."""

    call: Callable[[], Any]


class Worker:
    """A thread with two queues, without bounds of their own: images first, then tasks.

    A task whose function returns a generator gives way to waiting images at each `yield`; the value
    that the generator returns is the result.
    """

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._images: deque[Classification] = deque()
        self._tasks: deque[Task] = deque()
        self._news = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def add(self, job: Classification | Task) -> None:
        """Queue a job; RuntimeError once the worker is closed."""
        with self._news:
            if self._closed:
                raise RuntimeError("expected an open worker, got a closed one; start another")
            if isinstance(job, Task):
                self._tasks.append(job)
            else:
                self._images.append(job)
            self._news.notify()

    def close(self, timeout: float | None = None) -> None:
        with self._news:
            self._closed = True
            self._news.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._news:
                while not (self._images or self._tasks or self._closed):
                    self._news.wait()
                if not (self._images or self._tasks):
                    return
            if not self._classify() and self._tasks:
                self._work(self._tasks.popleft())

    def _classify(self) -> bool:
        """Classify the images of waiting jobs in one batch; whether there were any."""
        jobs = self._next_jobs()
        if not jobs:
            return False
        self._answer(jobs)
        return True

    def _answer(self, jobs: list[Classification]) -> None:
        """Answer jobs by one batch; where it fails, each by itself: only some may be at fault."""
        try:
            x = torch.cat([job.images for job in jobs])
            with torch.inference_mode():
                logits = _logits(jobs[0].module, x)
        except Exception as error:
            if len(jobs) == 1:
                jobs[0].answer(error=error)
                return
            for job in jobs:
                self._answer([job])
            return
        for job, part in zip(jobs, logits.split([len(job.images) for job in jobs]), strict=True):
            job.answer(part)

    def _next_jobs(self) -> list[Classification]:
        """The longest waiting job, and those behind it for the same model, up to a full batch."""
        jobs: list[Classification] = []
        size = 0
        with self._news:
            while self._images:
                job = self._images[0]
                full = size + len(job.images) > self._batch
                if jobs and (full or job.module is not jobs[0].module):
                    break
                self._images.popleft()
                if job.future.cancelled():
                    job.answer()
                    continue
                jobs.append(job)
                size += len(job.images)
        return jobs

    def _work(self, job: Task) -> None:
        if job.future.cancelled():
            job.answer()
            return
        try:
            result = job.call()
            if isinstance(result, Generator):
                result = self._in_turns(job, result)
        except Exception as error:
            job.answer(error=error)
        else:
            job.answer(result)

    def _in_turns(self, job: Job, steps: Generator[Any, None, Any]) -> Any:
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value
            if job.future.cancelled():
                steps.close()
                return None
            while self._classify():
                pass


def _logits(module: nn.Module, x: Images) -> torch.Tensor:
    device = next((tensor.device for tensor in module.parameters()), x.device)
    logits: torch.Tensor = exact(module(x.to(device))).cpu()
    if not bool(torch.isfinite(logits).all()):
        raise ModelError("expected finite logits, got NaN or inf; fix the model")
    return logits
