"""The queue in front of a model."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from securemnist.errors import ModelError
from securemnist.input_spec import MNIST
from securemnist.serve.refusal import Overloaded
from securemnist.serve.service import ServedModel, Service


class Gate(nn.Module):
    """Means of the pixels in ten classes; notes batch sizes, and waits for an event."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.open = threading.Event()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(x))
        assert self.open.wait(10)
        return x.mean((1, 2, 3))[:, None] * torch.arange(10.0)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def service(gate: Gate) -> Iterator[Service]:
    served = Service((ServedModel("gate", gate, MNIST, "0" * 64),), batch=4, waiting_images=6)
    yield served
    gate.open.set()
    served.close(10)


async def waiting(gate: Gate) -> None:
    """Until the worker is inside the model."""
    while not gate.sizes:
        await asyncio.sleep(0.001)


def test_requests_share_a_batch(service: Service, gate: Gate) -> None:
    """Requests that wait together are classified in one batch, and each gets its own logits."""

    async def ask() -> list[torch.Tensor]:
        images = [torch.full((1, 1, 28, 28), value) for value in (0.1, 0.2, 0.3, 0.4)]
        model = service.models[0]
        first = asyncio.create_task(service.logits(model, images[0]))
        await waiting(gate)
        others = [asyncio.create_task(service.logits(model, x)) for x in images[1:]]
        await asyncio.sleep(0)
        gate.open.set()
        return await asyncio.gather(first, *others)

    answers = asyncio.run(ask())
    assert gate.sizes == [1, 3]
    assert [round(float(part[0, 1]), 3) for part in answers] == [0.1, 0.2, 0.3, 0.4]


def test_a_full_queue_refuses(service: Service, gate: Gate) -> None:
    """More images than the bound raise Overloaded at once, and none of those accepted is lost."""

    async def ask() -> int:
        model, x = service.models[0], torch.zeros(3, 1, 28, 28)
        accepted = [asyncio.create_task(service.logits(model, x)) for _ in range(2)]
        await waiting(gate)
        with pytest.raises(Overloaded):
            await service.logits(model, x[:1])
        gate.open.set()
        answers = await asyncio.gather(*accepted)
        await service.logits(model, x)  # there is room again
        return sum(map(len, answers))

    assert asyncio.run(ask()) == 6


def test_tasks_have_their_own_bound(service: Service, gate: Gate) -> None:
    """The fifth waiting task raises Overloaded; the others return their values."""
    gate.open.set()
    hold = threading.Event()

    async def ask() -> list[int]:
        tasks = [
            asyncio.create_task(service.run(lambda k: hold.wait(10) and k, k)) for k in range(4)
        ]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await service.run(int)
        hold.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(ask()) == [0, 1, 2, 3]


def test_a_long_task_gives_way(service: Service, gate: Gate) -> None:
    """Images are classified between the steps of a task, before it ends."""
    gate.open.set()
    answered = threading.Event()

    def task() -> Iterator[None]:
        for _ in range(1000):
            if answered.is_set():
                return "gave way"  # type: ignore[return-value]
            answered.wait(0.005)
            yield
        return "never"  # type: ignore[return-value]

    async def ask() -> str:
        running = asyncio.create_task(service.run(task))
        await asyncio.sleep(0.01)
        await service.logits(service.models[0], torch.zeros(1, 1, 28, 28))
        answered.set()
        return str(await running)

    assert asyncio.run(ask()) == "gave way"


def test_an_error_reaches_its_request(service: Service, gate: Gate) -> None:
    """A model that fails raises its error in the request, and the worker goes on."""
    gate.open.set()

    async def ask() -> int:
        model = service.models[0]
        with pytest.raises(Exception, match="mean"):
            await service.logits(model, torch.zeros(1, dtype=torch.int64)[:, None, None, None])
        return len(await service.logits(model, torch.zeros(2, 1, 28, 28)))

    assert asyncio.run(ask()) == 2


def test_close_answers_what_is_queued(service: Service, gate: Gate) -> None:
    """A closed service answers what it had accepted, and refuses what comes later."""

    async def ask() -> int:
        model = service.models[0]
        accepted = asyncio.create_task(service.logits(model, torch.zeros(1, 1, 28, 28)))
        await waiting(gate)
        second = asyncio.create_task(service.logits(model, torch.zeros(2, 1, 28, 28)))
        await asyncio.sleep(0)
        gate.open.set()
        await asyncio.to_thread(service.close, 10)
        with pytest.raises(Overloaded):
            await service.logits(model, torch.zeros(1, 1, 28, 28))
        return len(await accepted) + len(await second)

    assert asyncio.run(ask()) == 3


def test_error_concerns_its_own_request() -> None:
    """Images that the model fails on leave the others of their batch their answers."""

    class FailsOnBlack(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x.mean((1, 2, 3)) / x.amax((1, 2, 3)))[:, None] * torch.arange(10.0)

    service = Service((ServedModel("fails", FailsOnBlack(), MNIST, "0" * 64),))

    async def ask() -> list[object]:
        values = [0.0, 1.0, 0.5]
        images = [torch.full((1, 1, 28, 28), value) for value in values]
        gate = asyncio.create_task(service.run(time.sleep, 0.05))  # so that they share a batch
        await asyncio.sleep(0.01)
        asked = [service.logits(service.models[0], one) for one in images]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        await gate
        return list(answers)

    black, *others = asyncio.run(ask())
    service.close(10)
    assert isinstance(black, ModelError)
    assert all(isinstance(one, torch.Tensor) for one in others)
