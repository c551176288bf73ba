"""Settings of float32 arithmetic, with several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import torch

from securemnist.runtime.float32 import exact_float32


def nnpack() -> bool:
    """Whether convolutions may use NNPACK."""
    (allowed,) = torch.backends.nnpack.set_flags(False)
    torch.backends.nnpack.set_flags(allowed)
    return bool(allowed)


def test_threads_wait_for_each_other() -> None:
    """A thread that leaves its block does not bring NNPACK back while another one computes."""
    entered, leave, entered_too = Event(), Event(), Event()

    def first() -> None:
        with exact_float32():
            entered.set()
            leave.wait()

    def second() -> bool:
        with exact_float32():
            entered_too.set()
            one.result()
            return nnpack()

    before = nnpack()
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first)
        entered.wait()
        other = pool.submit(second)
        waited = not entered_too.wait(0.2)
        leave.set()
        assert other.result() is False
    assert waited
    assert nnpack() == before


def test_blocks_nest() -> None:
    """A block within a block of the same thread does not wait, and the outer one stays exact."""
    before = nnpack()
    with exact_float32():
        with exact_float32():
            pass
        assert not nnpack()
    assert nnpack() == before
