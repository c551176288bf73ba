"""Queries to an endpoint: each image is sent once, in batches, several requests at a time."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from securemnist._util.hashing import sha256
from securemnist.endpoint.answers import Reader

if TYPE_CHECKING:
    from securemnist.endpoint.client import Client

# Bytes of all stored answers; each has about this many beside its numbers.
_STORED, _OVERHEAD = 256 << 20, 250


class Queries:
    """Answers float64 (n, K), or int64 (n,), for the numbers uint8 or float32 (n, C, H, W) that are sent.

    `batch`: images of a request. An answer is stored by the SHA-256 of the numbers, and the oldest are
    forgotten; inside `fresh` every image is sent again.
    """

    def __init__(self, client: Client, reader: Reader) -> None:
        self.client, self.reader = client, reader
        self.batch = client.description.largest_batch
        self._stored: OrderedDict[str, np.ndarray] = OrderedDict()
        self._bytes, self.sends_again = 0, False

    @contextlib.contextmanager
    def fresh(self) -> Iterator[None]:
        """Send every image again inside the block; stored answers stay as they are."""
        self.sends_again = True
        try:
            yield
        finally:
            self.sends_again = False

    def forget(self) -> None:
        """Drop all stored answers, and what was found out about the size of a batch."""
        self._stored.clear()
        self._bytes, self.batch = 0, self.client.description.largest_batch

    def answers(self, numbers: np.ndarray) -> np.ndarray:
        """The answers in the order of the images; errors as from `Client.ask` and `Reader.read`."""
        if self.sends_again:
            return self._asked(numbers)
        keys = [sha256(one.tobytes()) for one in numbers]
        first = {key: place for place, key in reversed([*enumerate(keys)])}
        missing = [place for key, place in first.items() if key not in self._stored]
        self.client.budget.count("cached", len(keys) - len(missing))
        # Answers of this call, which the store may be too small for.
        known = {key: self._stored[key] for key in first if key in self._stored}
        if missing:
            for place, answer in zip(missing, self._asked(numbers[missing]), strict=True):
                known[keys[place]] = answer
                self._store(keys[place], answer)
        return np.stack([known[key] for key in keys])

    def one_request(self, numbers: np.ndarray) -> np.ndarray:
        content = self.client.ask(self.client.description.body(numbers), len(numbers))
        return self.reader.read(content, len(numbers))

    def _asked(self, numbers: np.ndarray) -> np.ndarray:
        parts = [numbers[low : low + self.batch] for low in range(0, len(numbers), self.batch)]
        if len(parts) == 1:
            return self.one_request(parts[0])
        return np.concatenate(self._at_once(parts))

    def _at_once(self, parts: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The answers to several requests; after an error no further request begins."""
        workers = min(self.client.description.concurrency, len(parts))
        with ThreadPoolExecutor(workers, thread_name_prefix="endpoint") as pool:
            futures = [pool.submit(self.one_request, part) for part in parts]
            try:
                return [future.result() for future in futures]
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _store(self, key: str, answer: np.ndarray) -> None:
        self._stored[key] = answer.copy()
        self._bytes += answer.nbytes + _OVERHEAD
        while self._bytes > _STORED:
            _, oldest = self._stored.popitem(last=False)
            self._bytes -= oldest.nbytes + _OVERHEAD
