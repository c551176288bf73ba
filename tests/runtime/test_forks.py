"""Copies of the process that share work: settings, messages and errors."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from securemnist.errors import DataError, MeasureError
from securemnist.runtime import forks
from securemnist.runtime.forks import Report, in_forks


def ignored(_done: int) -> None:
    """A report that is not read."""


def alive(process: int) -> bool:
    """Whether a process of this number runs."""
    return os.path.exists(f"/proc/{process}")


@pytest.mark.filterwarnings("error")
def test_copies_compute_with_one_thread_each() -> None:
    """Three copies have other process numbers, one thread of torch and the values of the caller."""
    values = torch.arange(6.0)

    def work(number: int, _report: Report) -> tuple[int, int, np.ndarray]:
        return os.getpid(), torch.get_num_threads(), (2 * values[number::3]).numpy()

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = in_forks(work, 3, ignored)
    finally:
        torch.set_num_threads(before)
    assert len({process for process, _, _ in found} - {os.getpid()}) == 3
    assert [threads for _, threads, _ in found] == [1, 1, 1]
    assert [result.tolist() for _, _, result in found] == [[0, 6], [2, 8], [4, 10]]
    assert not any(alive(process) for process, _, _ in found)


def test_progress_is_the_sum_over_copies() -> None:
    """What the copies have done is reported together, and never falls."""
    sums = list[int]()

    def work(number: int, report: Report) -> None:
        for done in range(1, number + 2):
            report(done)

    in_forks(work, 3, sums.append)
    assert sums == sorted(sums)
    assert sums[-1] == 6


@pytest.mark.parametrize(
    ("error", "raised", "text"),
    [
        (DataError("expected labels, got none"), DataError, "expected labels, got none"),
        (ZeroDivisionError("a / 0"), MeasureError, "raised ZeroDivisionError: a / 0"),
    ],
)
def test_error_in_a_copy_is_raised_and_ends_the_others(
    error: Exception, raised: type[Exception], text: str
) -> None:
    """An error of this package keeps its class, another one becomes MeasureError; no copy goes on."""

    def work(number: int, report: Report) -> None:
        if number:
            raise error
        report(os.getpid())
        time.sleep(60)

    began, processes = time.monotonic(), list[int]()
    with pytest.raises(raised, match=text):
        in_forks(work, 2, processes.append)
    assert time.monotonic() - began < 30
    assert not any(map(alive, processes))


def test_copy_that_ends_without_a_result_is_an_error() -> None:
    """A copy that the kernel kills, as where memory is full, gives MeasureError, not a hang."""

    def work(number: int, _report: Report) -> None:
        if number:
            os.kill(os.getpid(), 9)

    with pytest.raises(MeasureError, match="one ended without it, perhaps out of memory"):
        in_forks(work, 2, ignored)


def test_copy_that_the_system_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no further process may be made, those that were made end, with MeasureError."""
    fork, made = os.fork, list[int]()

    def once() -> int:
        if made:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        made.append(fork())
        return made[0]

    def work(_number: int, _report: Report) -> None:
        time.sleep(60)

    monkeypatch.setattr(os, "fork", once)
    with pytest.raises(MeasureError, match="refused it: "):
        in_forks(work, 2, ignored)
    assert not any(map(alive, made))


def test_interrupted_caller_ends_its_copies() -> None:
    """Ctrl-C while copies work ends them; they print nothing of their own."""
    processes = list[int]()

    def work(_number: int, report: Report) -> None:
        report(os.getpid())
        time.sleep(60)

    def interrupted(process: int) -> None:
        processes.append(process)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_forks(work, 1, interrupted)
    assert processes
    assert not any(map(alive, processes))


def test_copies_are_made_where_they_are_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each thread of torch and sample; none by another thread, a pool or beside CUDA."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    if threading.current_thread() is threading.main_thread():
        assert forks.useful(3) == 3
        assert forks.useful(9) == 4
        monkeypatch.setattr(torch, "get_num_threads", lambda: 99)
        assert forks.useful(99) == forks.MOST
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(forks.useful, 9).result() == 1
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    assert forks.useful(9) == 1
