"""Work on many samples by copies of this process, each with one thread of torch.

Small operations gain little from several threads of torch, and threads of Python wait for each other.
A copy made by fork(2) has the network and the samples already, as those of torch's DataLoader.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import torch

from securemnist._util.parent_death import end_with_parent
from securemnist.errors import MeasureError, SecureMnistError, first_line

# Each copy has memory of its own for what it computes.
MOST = 8

Report = Callable[[int], None]
T = TypeVar("T")


def useful(samples: int) -> int:
    """How many copies should share the work on so many samples; 1 where none should be made.

    Copies are made on Linux, and by the main thread: in a copy of another one a lock may stay closed.
    A process that has used CUDA cannot be copied, and one of a pool may not be.
    """
    if (
        not sys.platform.startswith("linux")
        or threading.current_thread() is not threading.main_thread()
        or multiprocessing.current_process().daemon
        or torch.cuda.is_initialized()
    ):
        return 1
    return max(1, min(torch.get_num_threads(), samples, MOST))


def in_forks(
    work: Callable[[int, Report], T], count: int, reported: Callable[[int], None]
) -> list[T]:
    """The results of `work` for 0 to `count` - 1, each in a copy of this process.

    `work` gets its number and a function that reports how much is done; `reported` gets the sum over all
    copies. Results are sent between processes: arrays of numpy, numbers, text, and containers of them.
    An error in a copy ends the others and is raised; MeasureError where a copy ended without a result.
    """
    results, done = dict[int, T](), [0] * count
    processes, waiting = list[BaseProcess](), dict[Any, int]()
    try:
        for number in range(count):
            process, connection = _started(work, number)
            processes.append(process)
            waiting[connection] = number
        while waiting:
            for connection in wait(list(waiting)):
                number = waiting[connection]
                kind, content = _received(connection)
                if kind == "error":
                    raise content
                if kind == "done":
                    done[number] = content
                    reported(sum(done))
                else:
                    results[number] = content
                    del waiting[connection]
    finally:
        for process in processes:
            process.kill()
            process.join()
    return [results[number] for number in range(count)]


def _started(work: Callable[[int, Report], Any], number: int) -> tuple[BaseProcess, Any]:
    """A copy that works, and the connection from which its messages come."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_copy, args=(work, number, theirs), daemon=True)
    with warnings.catch_warnings():
        # Python warns of threads; those of torch's pool hold no lock between operations.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            process.start()
        except OSError as error:
            raise MeasureError(
                f"expected a copy of this process, the system refused it: {first_line(error)}; free "
                "memory, or set OMP_NUM_THREADS=1"
            ) from None
    theirs.close()  # so that a copy that ends closes the connection
    return process, ours


def _received(connection: Any) -> tuple[str, Any]:
    try:
        kind, content = connection.recv()
    except (EOFError, OSError):
        raise MeasureError(
            "expected a result of every process, one ended without it, perhaps out of memory; free "
            "memory, or set OMP_NUM_THREADS=1"
        ) from None
    return kind, content


def _copy(work: Callable[[int, Report], Any], number: int, connection: Any) -> None:
    """What a copy does: work, and send what came of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that made it ends it
    end_with_parent()
    torch.set_num_threads(1)
    try:
        message = "result", work(number, lambda done: connection.send(("done", done)))
    except SecureMnistError as error:
        message = "error", error
    except Exception as error:
        text = (
            f"expected a result, the search raised {type(error).__name__}: {first_line(error):.120}"
        )
        message = "error", MeasureError(text)
    connection.send(message)
    os._exit(0)
