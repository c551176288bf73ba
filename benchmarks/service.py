"""Figures of the served model: `python -m benchmarks.service` (or `... --seconds 60`).

Starts `securemnist serve` as a child process, on loopback with the default model and without limits of
rate, and sends requests from threads of this process. Both share the cores.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import subprocess  # nosec B404 # a fixed list, no shell
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import torch

from securemnist import data

MODEL = "certified"
SETTINGS = '[serve]\nport = 0\noff = ["rate_limits"]\n'


@dataclass
class Running:
    """A service that runs: where, with which token, in which process."""

    host: str
    port: int
    token: str
    pid: int

    def request(self, images: torch.Tensor) -> bytes:
        """The bytes of a request for images in [0, 1]."""
        tensor = {
            "name": "images",
            "shape": list(images.shape),
            "datatype": "UINT8",
            "data": (images * 255).round().int().flatten().tolist(),
        }
        return self.post(json.dumps({"inputs": [tensor]}, separators=(",", ":")).encode())

    def post(self, body: bytes) -> bytes:
        """The bytes of a request with this body."""
        head = (
            f"POST /v2/models/{MODEL}/infer HTTP/1.1\r\nHost: {self.host}\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def connect(self) -> socket.socket:
        """A connection without delay."""
        connection = socket.create_connection((self.host, self.port), timeout=30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def resident_mib(self) -> float:
        """Resident memory of the process."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("expected VmRSS in the status of the process, got none")


@contextlib.contextmanager
def running() -> Iterator[Running]:
    """The service, until the end of the block."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "serve.toml"
        file.write_text(SETTINGS)
        command = [sys.executable, "-m", "securemnist", "serve", "--settings", str(file)]
        with subprocess.Popen(  # nosec B603 # a list, never a shell
            command, cwd=folder, stdout=subprocess.PIPE, text=True
        ) as child:
            if child.stdout is None:
                raise RuntimeError("expected the output of the service, got none")
            try:
                link = child.stdout.readline().strip().rpartition(": ")[2]
                url, _, token = link.partition("/#token=")
                parts = urlsplit(url)
                yield Running(parts.hostname or "", parts.port or 0, token, child.pid)
            finally:
                child.terminate()


def exchange(connection: socket.socket, request: bytes) -> int:
    """Send a request, read the whole answer, return its status."""
    connection.sendall(request)
    content = b""
    while b"\r\n\r\n" not in content:
        content += _part(connection)
    head, _, body = content.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += _part(connection)
    return int(head.split()[1])


def _part(connection: socket.socket) -> bytes:
    part = connection.recv(1 << 20)
    if not part:
        raise ConnectionError("the service closed the connection")
    return part


@dataclass
class Load:
    """Statuses and seconds of the requests of several threads."""

    seconds: list[float] = field(default_factory=list)
    lost: int = 0

    def quantile(self, share: float) -> float:
        """Milliseconds that a share of the requests took at most."""
        return 1000 * sorted(self.seconds)[int(share * (len(self.seconds) - 1))]


def closed_loop(service: Running, request: bytes, threads: int, seconds: float) -> Load:
    """Requests one after the other on each of several connections."""
    load, end = Load(), time.monotonic() + seconds

    def client() -> None:
        with service.connect() as connection:
            while time.monotonic() < end:
                began = time.perf_counter()
                load.lost += exchange(connection, request) != 200
                load.seconds.append(time.perf_counter() - began)

    _together([client] * threads)
    return load


def open_loop(service: Running, request: bytes, rate: float, seconds: float, threads: int) -> Load:
    """Requests at fixed times, `rate` a second; waiting for a free connection counts as latency."""
    load, start, count = Load(), time.monotonic() + 0.1, int(rate * seconds)

    def client(number: int) -> Callable[[], None]:
        def run() -> None:
            with service.connect() as connection:
                for k in range(number, count, threads):
                    due = start + k / rate
                    time.sleep(max(0.0, due - time.monotonic()))
                    try:
                        load.lost += exchange(connection, request) != 200
                    except OSError:
                        load.lost += 1
                        return
                    load.seconds.append(time.monotonic() - due)

        return run

    _together([client(number) for number in range(threads)])
    return load


def _together(functions: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def slow_connections(service: Running, count: int, stop: threading.Event) -> None:
    """Connections that send a byte a second, of headers or of a body; reopened when cut."""
    half = service.post(b" " * 1000)
    beginnings = [half.partition(b"\r\n\r\n")[0], half[:-990]]
    held: dict[int, socket.socket] = {}
    while not stop.wait(1.0):
        for number in range(count):
            try:
                if number not in held:
                    held[number] = service.connect()
                    held[number].sendall(beginnings[number % 2])
                held[number].sendall(b"\r\nX: y" if number % 2 == 0 else b" ")
            except OSError:
                held.pop(number).close()
    for connection in held.values():
        connection.close()


def malformed(service: Running, rate: float, stop: threading.Event) -> None:
    """Requests with broken bodies, at a rate a second, on a connection that is kept open."""
    bodies = [b"[" * 10_000, b'{"inputs":' * 100, b"\xff" * 1000, b'{"a":1,"a":2}', b"NaN"]
    number, start = 0, time.monotonic()
    with service.connect() as connection:
        while not stop.is_set():
            exchange(connection, service.post(bodies[number % len(bodies)]))
            number += 1
            time.sleep(max(0.0, start + number / rate - time.monotonic()))


def hostile(service: Running, request: bytes, seconds: float) -> tuple[Load, float]:
    """Honest requests beside 50 slow connections and 200 malformed requests a second; MiB above idle."""
    idle, stop = service.resident_mib(), threading.Event()
    attackers = [
        threading.Thread(target=slow_connections, args=(service, 50, stop)),
        threading.Thread(target=malformed, args=(service, 200.0, stop)),
    ]
    for attacker in attackers:
        attacker.start()
    load = open_loop(service, request, 20.0, seconds, 8)
    most = service.resident_mib()
    stop.set()
    for attacker in attackers:
        attacker.join()
    return load, most - idle


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10.0, help="of each of the first figures")
    parser.add_argument("--hostile", type=float, default=60.0, help="seconds of hostile traffic")
    asked = parser.parse_args()
    images = data.load().test[:64].images()
    with running() as service:
        many, one = service.request(images), service.request(images[:1])
        for request in (many, one):
            closed_loop(service, request, 2, 1.0)
        batches = closed_loop(service, many, 2, asked.seconds)
        _print("answers a second, batch 64", 64 * len(batches.seconds) / asked.seconds)
        singles = closed_loop(service, one, 8, asked.seconds)
        rate = len(singles.seconds) / asked.seconds
        _print("answers a second, single", rate)
        half = open_loop(service, one, rate / 2, asked.seconds, 8)
        _print("p99 of singles at half load, ms", half.quantile(0.99))
        load, grown = hostile(service, one, asked.hostile)
        _print("honest p99 beside hostile traffic, ms", load.quantile(0.99))
        _print("honest requests lost beside it", load.lost)
        _print("memory above idle, MiB", grown)
        _print("lost in all", batches.lost + singles.lost + half.lost + load.lost)


def _print(name: str, value: float) -> None:
    print(f"{name:40} {value:,.1f}", flush=True)


if __name__ == "__main__":
    main()
