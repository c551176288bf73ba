"""The server: imports the libraries once, then forks a process for every request of a client."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HIGH = 500  # above every descriptor that a process inherits
ENDED: list[int] = []  # the exit code of a fork whose program has ended without an error


def preload() -> None:
    """Import what an assessment needs, read MNIST, export a network, report nothing, and run no test.

    What an export imports, the templates of a report and the plugins of pytest are ready then.
    """
    gc.disable()  # imports leave next to no garbage
    import click
    import pytest
    import scipy.special  # noqa: F401
    import torch

    from securemnist import cli, comparison, data, measures, plugin, report  # noqa: F401
    from securemnist._util.torchvision_shim import torchvision
    from securemnist.cli import older_version, worker  # noqa: F401
    from securemnist.results.assessment import Assessment
    from securemnist.results.findings import Finding

    torchvision()
    data.load()  # keeps the files of MNIST, decompressed
    context = click.Context(cli.main)
    for name in cli.main.list_commands(context):
        cli.main.get_command(context, name)
    torch.export.export(torch.nn.Linear(1, 1), (torch.zeros(1, 1),))
    nothing: dict[str, Any] = {"subject": {}, "scope": {}, "environment": {}, "policy": {}}
    report.render(Assessment(**nothing, findings=(), day="2026-01-01"))
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["--collect-only", "-s", "-p", "no:cacheprovider"])
    with contextlib.suppress(ValueError):
        Finding.from_json({})  # makes pydantic's schema
    gc.collect()
    gc.freeze()
    gc.enable()


@dataclass
class Request:
    """What a process is started with."""

    words: list[str]
    folder: str
    env: dict[str, str]
    numbers: list[int]
    descriptors: list[int]

    @classmethod
    def receive(cls, client: socket.socket) -> Request:
        """The request of a client, with copies of its descriptors."""
        size, descriptors, _, _ = socket.recv_fds(client, 4, 64)
        text = client.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
        high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, HIGH) for descriptor in descriptors]
        for descriptor in descriptors:
            os.close(descriptor)
        return cls(**json.loads(text), descriptors=high)

    def take_over(self) -> None:
        """Make this process the one that was asked for."""
        for name in os.listdir("/proc/self/fd"):
            if int(name) < HIGH:
                with contextlib.suppress(OSError):
                    os.close(int(name))
        for descriptor, number in zip(self.descriptors, self.numbers, strict=True):
            os.dup2(descriptor, number)
        os.closerange(HIGH, HIGH + 64)
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.env)

    def run(self) -> None:
        """Run the module, script or text, as Python does with these words."""
        words = self.words.copy()
        safe = False
        while words[0] in ("-E", "-P", "-s", "-B", "-u"):
            safe |= words[0] == "-P"
            sys.dont_write_bytecode |= words.pop(0) == "-B"
        if not safe:
            places = {"-m": self.folder, "-c": ""}
            sys.path.insert(0, places.get(words[0], str(Path(words[0]).resolve().parent)))
        if words[0] == "-m":
            sys.argv = words[1:]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        elif words[0] == "-c":
            sys.argv = ["-c", *words[2:]]
            exec(words[1], vars(sys.modules["__main__"]))  # noqa: S102
        else:
            sys.argv = words
            runpy.run_path(words[0], run_name="__main__")


def listen(address: str) -> socket.socket:
    """The server's socket, at which clients wait until the libraries are imported."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    os.write(1, b"ready\n")
    return listener


def serve(listener: socket.socket) -> Request:
    """The request that this process, a fork, has to fulfil; the server itself never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # its forks leave nothing to wait for
    while True:
        ready, _, _ = select.select([0, listener], [], [])
        if 0 in ready:
            os._exit(0)
        client, _ = listener.accept()
        request = Request.receive(client)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            process = os.fork()
            if process == 0:
                client.detach()
                listener.detach()
                return request
            _watch(client, process, request)
        client.close()
        for descriptor in request.descriptors:
            os.close(descriptor)


def _watch(client: socket.socket, process: int, request: Request) -> Any:
    """Report how the process ends; kill it where its client ends first."""
    for descriptor in (0, 1, 2, *request.descriptors):
        os.close(descriptor)
    client.sendall(process.to_bytes(4, "big"))
    ended = os.pidfd_open(process)
    ready, _, _ = select.select([client, ended], [], [])
    if ended not in ready:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    with contextlib.suppress(OSError):
        client.sendall(status.to_bytes(4, "big"))
    os._exit(0)


def leave() -> None:
    """End a fork at once: to take its modules apart would copy every page that it shares."""
    if not ENDED:
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return  # Python reports it
    os._exit(ENDED[0])


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file
    atexit.register(leave)  # before all others, so it runs after them
    listening = listen(sys.argv[1])
    preload()
    found = serve(listening)
    found.take_over()
    from securemnist.cli import child

    client, address, cold = str(Path(__file__).with_name("client.py")), sys.argv[1], child.command
    child.command = lambda *words: [
        *(sys.executable, "-I", "-S", client, address, *cold(*words)[1:])
    ]
    try:
        found.run()
        ENDED.append(0)
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        ENDED.append(end.code or 0)
