"""Served pages, by the links that sign in."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from securemnist.serve.application import create_application
from securemnist.serve.server import ServerThread
from securemnist.serve.settings import Settings
from securemnist.serve.tokens import Token
from tests import warm
from tests.serve.page.pages import HOSTILE_NAMES, random_data, service


@pytest.fixture(scope="session")
def link(small_mnist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The link that a server of `certified` and `hardened` prints."""
    command = warm.python("-m", "securemnist", "serve", "--port", "0", "--data")
    command += [str(small_mnist), "--model", "certified", "--beside", "hardened"]
    folder = tmp_path_factory.mktemp("served")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@pytest.fixture(scope="module")
def colour_link() -> Iterator[str]:
    """The link of a server of one model of colour images, with hostile class names."""
    known, secret = Token.new("alice")
    served = service(random_data(3, 16, HOSTILE_NAMES), count=1)
    settings = Settings(port=0)
    with ServerThread(create_application(served, settings, [known]), settings) as server:
        yield f"{server.address}/#token={secret}"
    served.close(10)
